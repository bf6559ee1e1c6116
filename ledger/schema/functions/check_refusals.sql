-- An entry that has transfers was taken, and what was taken cannot be refused.
CREATE OR REPLACE FUNCTION ledger.check_refusals() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN ledger.transfers t ON t.position = added.position) THEN
        RAISE EXCEPTION 'a recorded entry cannot be refused' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
