-- An expectation in a group is met.
CREATE OR REPLACE FUNCTION payments.close_grouped_expectations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM payments.open_expectations o USING added WHERE o.expectation_id = added.expectation_id;
    RETURN NULL;
END $$;
