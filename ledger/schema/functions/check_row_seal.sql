-- Allows seals of rows to be added one by one, each after those of its table.
CREATE OR REPLACE FUNCTION ledger.check_row_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.seal_no <> (SELECT coalesce(max(s.seal_no), 0) + 1 FROM ledger.row_seals s)
       OR EXISTS (SELECT FROM ledger.row_seals s WHERE s.table_name = NEW.table_name
                     AND (s.last_txid, s.last_position) >= (NEW.last_txid, NEW.last_position)) THEN
        RAISE EXCEPTION 'seal % of % does not come after the one before it', NEW.seal_no, NEW.table_name
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
