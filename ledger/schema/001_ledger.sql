-- The books: append-only requests and transfers, and the projections that triggers keep from them. The application's
-- role tranche_application may insert rows but not change them.

CREATE SCHEMA IF NOT EXISTS ledger;

DO $$
BEGIN
    CREATE ROLE tranche_application NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the whole server: another database on it has created this one
END
$$;

-- ── what is recorded ───────────────────────────────────────────────────────────────────────────────────────────────

CREATE SEQUENCE ledger.positions;

-- The accounts ever used, as the chart described them at their first entry. Those with a floor have a balance row
-- below; the others have none, so that an account used by every entry is no hot row.
CREATE TABLE ledger.accounts (
    account_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account    text NOT NULL,
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    pattern    text NOT NULL,
    kind       text NOT NULL,
    normal     text NOT NULL CHECK (normal IN ('debit', 'credit')),
    floor      boolean NOT NULL,
    UNIQUE (account, currency)
);

-- Every request ever made of the books, under the id of its business event. Its outcome is its transfers or its
-- refusal. `refers_to` is the hold that it posts or voids, or the entry that it reverses; `corrects` is the reversed
-- entry that it posts again. `digest` covers the fields that must be equal in two requests under one id. Columns are
-- ordered so that alignment wastes no bytes.
CREATE TABLE ledger.requests (
    position         bigint PRIMARY KEY,
    txid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
    occurred_at      timestamptz NOT NULL,
    recorded_at      timestamptz NOT NULL,
    expires_at       timestamptz,
    refers_to        bigint,
    corrects         bigint,
    value_date       date NOT NULL,
    original_date    date,
    template_version smallint NOT NULL,
    transfer_count   smallint NOT NULL,
    act              text NOT NULL CHECK (act IN ('post', 'hold', 'post_hold', 'void', 'reverse')),
    flow             text NOT NULL,
    entry_id         text NOT NULL UNIQUE CHECK (entry_id <> ''),
    reason           text NOT NULL,
    digest           bytea NOT NULL CHECK (octet_length(digest) = 32),
    correlation      jsonb NOT NULL CHECK (jsonb_typeof(correlation) = 'object'),
    CHECK ((act IN ('post_hold', 'void', 'reverse')) = (refers_to IS NOT NULL)),
    CHECK (act = 'post' OR corrects IS NULL),
    CHECK (act = 'hold' OR expires_at IS NULL),
    CHECK (transfer_count >= 0 AND (act = 'void') = (transfer_count = 0)),
    CHECK (original_date <= value_date)
);
CREATE INDEX requests_by_correlation ON ledger.requests USING gin (correlation jsonb_path_ops);
CREATE INDEX requests_by_reference ON ledger.requests (refers_to) WHERE refers_to IS NOT NULL;

-- One positive amount from one account to another, both in one currency, so that an unbalanced one cannot be written.
-- The number within its entry prevents duplicates. Transfers of a hold are pending. The versions are those that it
-- gives to accounts with a floor. There is no foreign key to the accounts, because its row locks would make hot rows of
-- accounts used by every entry.
CREATE TABLE ledger.transfers (
    position       bigint NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    debit          integer NOT NULL,
    credit         integer NOT NULL,
    debit_version  integer,
    credit_version integer,
    number         smallint NOT NULL,
    pending        boolean NOT NULL,
    PRIMARY KEY (position, number),
    CHECK (debit <> credit)
);
CREATE INDEX transfers_by_debit ON ledger.transfers (debit, position);
CREATE INDEX transfers_by_credit ON ledger.transfers (credit, position);

-- The events of a held transfer: posted by an entry, in part or in full, or voided. The remainder is still held.
CREATE TABLE ledger.hold_events (
    hold_position bigint NOT NULL,
    resolver      bigint NOT NULL,
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    number        smallint NOT NULL,
    event         text NOT NULL CHECK (event IN ('posted', 'voided')),
    PRIMARY KEY (hold_position, number, resolver)
);
CREATE INDEX hold_events_by_resolver ON ledger.hold_events (resolver);

-- The refusal of a request, which wrote nothing else: every reason, returned again to a repeated request.
CREATE TABLE ledger.refusals (
    position bigint PRIMARY KEY REFERENCES ledger.requests (position),
    reasons  jsonb NOT NULL CHECK (jsonb_typeof(reasons) = 'array' AND jsonb_array_length(reasons) > 0)
);

-- Days up to which the books are closed to postings, from the commit of the row. Rows that belong to no entry, such as
-- these, carry a digest of their content that shows later changes.
CREATE TABLE ledger.periods (
    through   date PRIMARY KEY,
    closed_at timestamptz NOT NULL,
    digest    bytea NOT NULL CHECK (octet_length(digest) = 32)
);

-- Facts of the platform, written in the transaction that made them true and published to the stream afterwards.
CREATE TABLE ledger.outbox (
    event_id    text PRIMARY KEY,
    position    bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    event_type  text NOT NULL,
    key         text NOT NULL,
    payload     jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 32)
);

-- ── what follows from it ───────────────────────────────────────────────────────────────────────────────────────────

-- The balance of each account with a floor, written by triggers only. Writers lock these rows in the order of their
-- ids. `version` rises by one with every transfer on either side; the credit limit is how far the balance may fall
-- below zero.
CREATE TABLE ledger.balances (
    account_id         integer PRIMARY KEY,
    version            integer NOT NULL,
    debits_posted      bigint NOT NULL CHECK (debits_posted >= 0),
    credits_posted     bigint NOT NULL CHECK (credits_posted >= 0),
    debits_pending     bigint NOT NULL CHECK (debits_pending >= 0),
    credits_pending    bigint NOT NULL CHECK (credits_pending >= 0),
    floor              text NOT NULL CHECK (floor IN ('debit', 'credit')),
    credit_limit_minor bigint NOT NULL DEFAULT 0 CHECK (credit_limit_minor >= 0),
    CONSTRAINT within_limit CHECK (
        CASE floor WHEN 'debit' THEN debits_posted::numeric - credits_posted - credits_pending
                   ELSE credits_posted::numeric - debits_posted - debits_pending END >= -credit_limit_minor::numeric
    )
) WITH (fillfactor = 70);

-- The remainder of each held transfer, kept by triggers; a row without a remainder is deleted.
CREATE TABLE ledger.open_holds (
    hold_position   bigint NOT NULL,
    remaining_minor bigint NOT NULL CONSTRAINT not_more_than_held CHECK (remaining_minor >= 0),
    expires_at      timestamptz,
    debit           integer NOT NULL,
    credit          integer NOT NULL,
    number          smallint NOT NULL,
    PRIMARY KEY (hold_position, number)
);
CREATE INDEX open_holds_by_debit ON ledger.open_holds (debit);
CREATE INDEX open_holds_by_credit ON ledger.open_holds (credit);
CREATE INDEX open_holds_by_end ON ledger.open_holds (expires_at) WHERE expires_at IS NOT NULL;

-- Accounts without a floor that ever had an amount of 10^12 units or more: only their counters are checked, by one
-- writer at a time, before a posting, so that none exceeds 64 bits.
CREATE TABLE ledger.large_accounts (account_id integer PRIMARY KEY);

-- ── who may do what ────────────────────────────────────────────────────────────────────────────────────────────────

GRANT USAGE ON SCHEMA ledger TO tranche_application;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO tranche_application;
GRANT INSERT ON ledger.requests, ledger.accounts, ledger.transfers, ledger.hold_events, ledger.refusals, ledger.periods,
                ledger.outbox
   TO tranche_application;
GRANT USAGE ON SEQUENCE ledger.positions TO tranche_application;
