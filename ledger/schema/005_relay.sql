-- The relay: what follows two append-only logs, the outbox and the journal, and publishes them in order of position.

-- How far each log is published: up to `position`, all of it. `seen_position` is how far positions were drawn when every
-- transaction from `seen_txid` on had still to begin: what the next run can publish when a long writer holds this one up.
CREATE TABLE ledger.relay_positions (
    log           text PRIMARY KEY CHECK (log IN ('outbox', 'journal')),
    position      bigint NOT NULL CHECK (position >= 0),
    seen_position bigint NOT NULL,
    seen_txid     xid8 NOT NULL
);
INSERT INTO ledger.relay_positions VALUES ('outbox', 0, 0, '0'), ('journal', 0, 0, '0');

GRANT SELECT, UPDATE ON ledger.relay_positions TO tranche_application;
GRANT SELECT ON SEQUENCE ledger.positions, ledger.outbox_position_seq TO tranche_application;
