-- Every line is of a file that is there; once for all lines of a statement, where a foreign key asks for each line.
CREATE OR REPLACE FUNCTION payments.check_files_of_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT a.sha256 INTO wrong FROM (SELECT DISTINCT sha256 FROM added) a
     WHERE NOT EXISTS (SELECT FROM payments.files f WHERE f.sha256 = a.sha256);
    IF FOUND THEN
        RAISE EXCEPTION 'lines of file %, which is not there', wrong USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
