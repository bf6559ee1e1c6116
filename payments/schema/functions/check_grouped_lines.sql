-- Every line of a group is there. For the settings see `close_grouped_lines`.
CREATE OR REPLACE FUNCTION payments.check_grouped_lines() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    wrong text;
BEGIN
    SELECT a.line_key INTO wrong FROM added a
     WHERE NOT EXISTS (SELECT FROM payments.lines l WHERE l.line_key = a.line_key);
    IF FOUND THEN
        RAISE EXCEPTION 'line % of a group is not there', wrong USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
