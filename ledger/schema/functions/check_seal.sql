-- The watermark only rises, by one seal after the other.
CREATE OR REPLACE FUNCTION ledger.check_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    mark ledger.watermark;
BEGIN
    SELECT * INTO mark FROM ledger.watermark;
    IF NEW.seal_no <> mark.seal_no + 1 OR (NEW.last_txid, NEW.last_position) <= (mark.txid, mark.position)
       OR NEW.known_from < mark.known_to THEN
        RAISE EXCEPTION 'seal % does not come after seal %', NEW.seal_no, mark.seal_no
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
