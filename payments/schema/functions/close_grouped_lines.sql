-- A line in a group is no longer open. Without the settings, a run over many lines would read the whole list for each set.
CREATE OR REPLACE FUNCTION payments.close_grouped_lines() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM payments.open_lines o USING added WHERE o.line_key = added.line_key;
    RETURN NULL;
END $$;
