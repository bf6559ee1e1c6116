-- The relay reads two append-only logs, the outbox and the journal, and publishes them in the order of position.

-- Entries of a log up to `position` are published. `seen_position` is the last position drawn before `seen_txid` was
-- taken: the next run can publish up to there even when a long transaction blocks a newer horizon.
CREATE TABLE ledger.relay_positions (
    log           text PRIMARY KEY CHECK (log IN ('outbox', 'journal')),
    position      bigint NOT NULL CHECK (position >= 0),
    seen_position bigint NOT NULL,
    seen_txid     xid8 NOT NULL
);
INSERT INTO ledger.relay_positions VALUES ('outbox', 0, 0, '0'), ('journal', 0, 0, '0');

GRANT SELECT, UPDATE ON ledger.relay_positions TO tranche_application;
GRANT SELECT ON SEQUENCE ledger.positions, ledger.outbox_position_seq TO tranche_application;
