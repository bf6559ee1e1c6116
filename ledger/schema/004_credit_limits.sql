-- Credit limits: how far an account with a floor may fall below it. Each is a fact with who set it and why; the last one
-- holds. An account is opened by its first entry, so only one with a balance can have a limit.

CREATE TABLE ledger.credit_limits (
    account_id  integer NOT NULL,
    number      integer NOT NULL CHECK (number > 0),
    limit_minor bigint NOT NULL CHECK (limit_minor >= 0),
    set_by      text NOT NULL CHECK (set_by <> '' AND set_by = btrim(set_by)),
    reason      text NOT NULL CHECK (btrim(reason) <> ''),
    set_at      timestamptz NOT NULL,
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (account_id, number)
);

GRANT SELECT, INSERT ON ledger.credit_limits TO tranche_application;
