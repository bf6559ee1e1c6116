-- Keys of principals. A principal may have several at a time, so that a new one works before the old one ends. A key is
-- shown once and kept as its SHA-256. Nothing changes: the end of a key is a row of its own, and the earliest end counts.
-- Whoever added, made or ended something is kept with it; null stands for the owner of the database, who adds the first
-- principal, and for what was done before this was kept.

ALTER TABLE ledger.principals
    -- Of a merchant's own principal; it sees and acts on what is this merchant's. Null for the back office.
    ADD COLUMN merchant_id text CHECK (merchant_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$'),
    ADD COLUMN added_by    text REFERENCES ledger.principals,
    ADD COLUMN reason      text CHECK (btrim(reason) <> '');

ALTER TABLE ledger.principal_revocations
    ADD COLUMN revoked_by text REFERENCES ledger.principals,
    ADD COLUMN reason     text CHECK (btrim(reason) <> '');

CREATE TABLE ledger.principal_keys (
    key_id       text PRIMARY KEY,
    principal_id text NOT NULL REFERENCES ledger.principals,
    number       integer NOT NULL CHECK (number > 0),
    key_hash     bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    made_at      timestamptz NOT NULL,
    expires_at   timestamptz,
    made_by      text REFERENCES ledger.principals,
    reason       text CHECK (btrim(reason) <> ''),
    UNIQUE (principal_id, number),
    CHECK (key_id = principal_id || '.' || number)
);

CREATE TABLE ledger.key_ends (
    position  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key_id    text NOT NULL REFERENCES ledger.principal_keys,
    ends_at   timestamptz NOT NULL,
    set_at    timestamptz NOT NULL,
    ended_by  text REFERENCES ledger.principals,
    reason    text CHECK (btrim(reason) <> '')
);
CREATE INDEX key_ends_by_key ON ledger.key_ends (key_id);

INSERT INTO ledger.principal_keys (key_id, principal_id, number, key_hash, made_at)
SELECT principal_id || '.1', principal_id, 1, key_hash, added_at FROM ledger.principals WHERE key_hash IS NOT NULL;

ALTER TABLE ledger.principals DROP COLUMN key_hash;

GRANT SELECT ON ledger.principal_keys, ledger.key_ends TO tranche_application;
