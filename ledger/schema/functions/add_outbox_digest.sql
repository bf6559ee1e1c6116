-- A fact of the outbox takes its digest as it is written.
CREATE OR REPLACE FUNCTION ledger.add_outbox_digest() RETURNS trigger
LANGUAGE plpgsql AS $$  -- for every fact written, so without settings of its own to put in place and take back
BEGIN
    NEW.digest := ledger.outbox_digest(NEW);
    RETURN NEW;
END
$$;
