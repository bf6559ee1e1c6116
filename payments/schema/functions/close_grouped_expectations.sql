-- An expectation in a group is met. For the settings see `close_grouped_lines`.
CREATE OR REPLACE FUNCTION payments.close_grouped_expectations() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM payments.open_expectations o USING added WHERE o.expectation_id = added.expectation_id;
    RETURN NULL;
END $$;
