-- Seals of append-only tables outside the journal, such as the events of plans, acts and principals. One chain of seals
-- covers all of them, each seal some rows of one table.

-- The tables whose rows are sealed, and how faults name a row: "plan p-1: event 7, <id>". `subject` and `row_id` are
-- columns; the ids are unique in the table. Such a table has a column `txid`, the row's transaction, and a column
-- `position`, with a unique index on both, and rejects changes.
CREATE TABLE ledger.sealed_tables (
    table_name text PRIMARY KEY CHECK (table_name ~ '^[a-z_]+[.][a-z_]+$'),
    subject_is text NOT NULL,
    subject    text NOT NULL,
    row_is     text NOT NULL,
    row_id     text NOT NULL
);

-- The rows of a table are sealed in the order (txid, position). A transaction older than the oldest running one has
-- ended and adds nothing, so that its rows are final. `leaves` has a hash of each row, `marks` four bytes for each of
-- its columns, which tell the columns that were changed; `positions`, `subjects` and `row_ids` name a row that is gone.
CREATE TABLE ledger.row_seals (
    seal_no       integer PRIMARY KEY CHECK (seal_no > 0),
    table_name    text NOT NULL,
    columns       text[] NOT NULL CHECK (cardinality(columns) > 0),
    last_txid     xid8 NOT NULL,
    last_position bigint NOT NULL,
    sealed_at     timestamptz NOT NULL,
    sealed_rows   integer NOT NULL CHECK (sealed_rows > 0),
    positions     bigint[] NOT NULL CHECK (cardinality(positions) = sealed_rows),
    subjects      text[] NOT NULL CHECK (cardinality(subjects) = sealed_rows),
    row_ids       text[] NOT NULL CHECK (cardinality(row_ids) = sealed_rows),
    leaves        bytea NOT NULL CHECK (length(leaves) = 32 * sealed_rows),
    marks         bytea NOT NULL CHECK (length(marks) = 4 * sealed_rows * cardinality(columns)),
    root          bytea NOT NULL CHECK (length(root) = 32),
    UNIQUE (table_name, last_txid, last_position)
);
ALTER TABLE ledger.row_seals ALTER COLUMN leaves SET STORAGE EXTERNAL;  -- hashes do not compress
ALTER TABLE ledger.row_seals ALTER COLUMN marks SET STORAGE EXTERNAL;

GRANT SELECT ON ledger.sealed_tables, ledger.row_seals TO tranche_application;

ALTER TABLE ledger.principals ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE ledger.principals ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX principals_by_txid ON ledger.principals (txid, position);
ALTER TABLE ledger.principal_revocations ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE ledger.principal_revocations ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX principal_revocations_by_txid ON ledger.principal_revocations (txid, position);
ALTER TABLE ledger.principal_keys ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE ledger.principal_keys ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX principal_keys_by_txid ON ledger.principal_keys (txid, position);
ALTER TABLE ledger.key_ends ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX key_ends_by_txid ON ledger.key_ends (txid, position);
INSERT INTO ledger.sealed_tables VALUES
    ('ledger.principal_keys', 'principal', 'principal_id', 'key', 'key_id'),
    ('ledger.key_ends', 'key', 'key_id', 'end', 'position'),
    ('ledger.principals', 'principal', 'principal_id', 'entry', 'principal_id'),
    ('ledger.principal_revocations', 'principal', 'principal_id', 'revocation', 'principal_id');

-- What a rebuild replaced on somebody's word: a stored row, or a field of it, as it was and as it was derived anew.
CREATE TABLE ledger.accepted_differences (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    projection  text NOT NULL CHECK (projection <> ''),
    place       text NOT NULL CHECK (place <> ''),
    was         jsonb,  -- null where there was no row
    became      jsonb,  -- null where there is none now
    accepted_by text NOT NULL REFERENCES ledger.principals (principal_id),
    reason      text NOT NULL CHECK (btrim(reason) <> ''),
    accepted_at timestamptz NOT NULL,
    txid        xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE UNIQUE INDEX accepted_differences_by_txid ON ledger.accepted_differences (txid, position);
INSERT INTO ledger.sealed_tables VALUES
    ('ledger.accepted_differences', 'projection', 'projection', 'difference', 'position');

GRANT SELECT, INSERT ON ledger.accepted_differences TO tranche_application;
