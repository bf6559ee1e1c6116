-- New expectations wait to be met.
CREATE OR REPLACE FUNCTION payments.open_new_expectations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments.open_expectations (expectation_id, leg, expected_on, due_by)
    SELECT expectation_id, leg, expected_on, due_by FROM added;
    RETURN NULL;
END $$;
