-- Every expectation of a group is there. For the settings see `close_grouped_lines`.
CREATE OR REPLACE FUNCTION payments.check_grouped_expectations() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    wrong text;
BEGIN
    SELECT a.expectation_id INTO wrong FROM added a
     WHERE NOT EXISTS (SELECT FROM payments.expectations e WHERE e.expectation_id = a.expectation_id);
    IF FOUND THEN
        RAISE EXCEPTION 'expectation % of a group is not there', wrong USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
