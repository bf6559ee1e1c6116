-- Sets the digest of a fact when it is written to the outbox.
CREATE OR REPLACE FUNCTION ledger.add_outbox_digest() RETURNS trigger
LANGUAGE plpgsql AS $$  -- runs for every fact, so without a SET clause, which would cost more than the hash
BEGIN
    NEW.digest := ledger.outbox_digest(NEW);
    RETURN NEW;
END
$$;
