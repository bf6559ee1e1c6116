-- A line in a group is no longer open.
CREATE OR REPLACE FUNCTION payments.close_grouped_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM payments.open_lines o USING added WHERE o.line_key = added.line_key;
    RETURN NULL;
END $$;
