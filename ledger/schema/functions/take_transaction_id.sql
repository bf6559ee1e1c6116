-- A position is drawn before its transaction ends, so a smaller position can become visible after a larger one. All
-- positions drawn so far are final once every running transaction has ended. To identify the running ones, every writer
-- takes its transaction id before it draws a position: writers of the journal in ledger.prepare, writers of the outbox
-- here.
CREATE OR REPLACE FUNCTION ledger.take_transaction_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN NULL;
END
$$;
