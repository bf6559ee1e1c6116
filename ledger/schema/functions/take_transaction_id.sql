-- A position is drawn before its transaction ends, so a smaller one can become visible after a larger one. All positions
-- up to one that was drawn by now are decided once every transaction that runs now has ended. To tell which run, each has
-- its id before it draws a position: the journal's writers take theirs in ledger.prepare, those of the outbox here.
CREATE OR REPLACE FUNCTION ledger.take_transaction_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN NULL;
END
$$;
