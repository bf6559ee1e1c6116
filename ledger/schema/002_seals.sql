-- Seals: the final prefix of the journal in batches, each chained to the one before, and what every account's postings
-- add up to in them. The sealer runs beside the writers and no writer waits for it.

-- The order of sealing is (txid, position). A transaction below the oldest one that still runs can add nothing more, so
-- its requests are a final prefix of that order. `known_from` and `known_to` are the running maximum of recorded_at in
-- that order, at the batch's first and last request: clocks that step back change nothing that was known before.
CREATE TABLE ledger.seals (
    seal_no          integer PRIMARY KEY CHECK (seal_no > 0),
    known_from       timestamptz NOT NULL,
    known_to         timestamptz NOT NULL CHECK (known_to >= known_from),
    known_on         date NOT NULL,     -- the UTC day of both
    last_txid        xid8 NOT NULL,
    last_position    bigint NOT NULL,
    lowest_position  bigint NOT NULL,   -- of the batch itself
    highest_position bigint NOT NULL CHECK (highest_position >= lowest_position),
    tail_from        bigint NOT NULL,   -- of the last seal: whatever is not sealed has a position after this one
    seen_position    bigint NOT NULL,   -- how far positions were given out before `seen_txid` began: see tail_from
    seen_txid        xid8 NOT NULL,
    entries          integer NOT NULL CHECK (entries > 0),
    transfers        integer NOT NULL CHECK (transfers >= 0),
    sealed_at        timestamptz NOT NULL,
    leaves           bytea NOT NULL CHECK (length(leaves) = 32 * entries),  -- one hash for each request, in order
    root             bytea NOT NULL CHECK (length(root) = 32),
    UNIQUE (last_txid, last_position),
    CHECK (known_on = (known_from AT TIME ZONE 'UTC')::date AND known_on = (known_to AT TIME ZONE 'UTC')::date)
);
ALTER TABLE ledger.seals ALTER COLUMN leaves SET STORAGE EXTERNAL;  -- hashes do not get smaller
CREATE INDEX seals_by_known_to ON ledger.seals (known_to);

-- What an account's posted transfers add up to in a seal, for each value date, and its totals after them in the order
-- (seal_no, value_date). postings_total numbers the postings of an account that has no balance row.
CREATE TABLE ledger.seal_totals (
    account_id     integer NOT NULL,
    seal_no        integer NOT NULL,
    value_date     date NOT NULL,
    postings       integer NOT NULL CHECK (postings > 0),
    debits         bigint NOT NULL CHECK (debits >= 0),
    credits        bigint NOT NULL CHECK (credits >= 0),
    postings_total bigint NOT NULL CHECK (postings_total >= postings),
    debits_total   bigint NOT NULL CHECK (debits_total >= debits),
    credits_total  bigint NOT NULL CHECK (credits_total >= credits),
    PRIMARY KEY (account_id, seal_no, value_date)
);

-- The same for each day on which they were known, so that a long history is a few rows. Kept by a trigger.
CREATE TABLE ledger.account_days (
    account_id integer NOT NULL,
    known_on   date NOT NULL,
    value_date date NOT NULL,
    postings   integer NOT NULL CHECK (postings > 0),
    debits     bigint NOT NULL CHECK (debits >= 0),
    credits    bigint NOT NULL CHECK (credits >= 0),
    PRIMARY KEY (account_id, known_on, value_date)
);

GRANT SELECT ON ledger.seals, ledger.seal_totals, ledger.account_days TO tranche_application;
