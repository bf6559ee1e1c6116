-- Who may act: people and programs, each with a role and the hash of a key. The application reads them; only the owner of
-- the schema adds one. A principal never changes: its end is a row of its own.

CREATE TABLE ledger.principals (
    principal_id text PRIMARY KEY CHECK (principal_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    role         text NOT NULL CHECK (role <> ''),
    -- SHA-256 of a random key, which is shown once and not stored; null for one that acts without a key on one machine.
    key_hash     bytea UNIQUE CHECK (octet_length(key_hash) = 32),
    expires_at   timestamptz,
    added_at     timestamptz NOT NULL
);

CREATE TABLE ledger.principal_revocations (
    principal_id text PRIMARY KEY REFERENCES ledger.principals,
    revoked_at   timestamptz NOT NULL
);

GRANT SELECT ON ledger.principals, ledger.principal_revocations TO tranche_application;
