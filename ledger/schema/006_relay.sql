-- The relay: what follows two append-only logs, the outbox and the journal, and publishes them in order of position.

-- A position is drawn before its transaction ends, so a smaller one can become visible after a larger one. All positions
-- up to one that was drawn by now are decided once every transaction that runs now has ended. To tell which run, each has
-- its id before it draws a position: the journal's writers take theirs in ledger.prepare, those of the outbox here.
CREATE FUNCTION ledger.take_transaction_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN NULL;
END
$$;
CREATE TRIGGER take_transaction_id BEFORE INSERT ON ledger.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.take_transaction_id();

-- How far each log is published: up to `position`, all of it. `seen_position` is how far positions were drawn when every
-- transaction from `seen_txid` on had still to begin: what the next run can publish, should this one find somebody
-- writing for long.
CREATE TABLE ledger.relay_positions (
    log           text PRIMARY KEY CHECK (log IN ('outbox', 'journal')),
    position      bigint NOT NULL CHECK (position >= 0),
    seen_position bigint NOT NULL,
    seen_txid     xid8 NOT NULL
);
-- Facts of the outbox from before this file have no envelope and stay where they are; of the journal everything is told.
INSERT INTO ledger.relay_positions
SELECT 'outbox', coalesce(max(position), 0), coalesce(max(position), 0), '0'::xid8 FROM ledger.outbox
 UNION ALL SELECT 'journal', 0, 0, '0'::xid8;

CREATE FUNCTION ledger.keep_relay_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.log <> OLD.log OR NEW.position < OLD.position THEN
        RAISE EXCEPTION 'the relay of % is at %, it does not go back to %', OLD.log, OLD.position, NEW.position
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER only_onwards BEFORE UPDATE ON ledger.relay_positions
    FOR EACH ROW EXECUTE FUNCTION ledger.keep_relay_position();
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON ledger.relay_positions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT, UPDATE ON ledger.relay_positions TO tranche_application;
GRANT SELECT ON SEQUENCE ledger.positions, ledger.outbox_position_seq TO tranche_application;
