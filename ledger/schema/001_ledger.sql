-- The books: append-only requests and transfers, and the projections that the database itself keeps from them.
-- The application writes as tranche_application, which may add rows and nothing else.

CREATE SCHEMA IF NOT EXISTS ledger;

DO $$
BEGIN
    CREATE ROLE tranche_application NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the whole server: another database of it has made this one
END
$$;

-- ── what is recorded ───────────────────────────────────────────────────────────────────────────────────────────────

CREATE SEQUENCE ledger.positions;

-- The accounts that have ever been written to, as the chart described them when the first entry touched them. Those
-- with a floor keep a balance row below; the others have none, so that no account that everybody touches is a hot row.
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

-- Everything ever asked of the books, under the id of its business event. Its transfers or its refusal say how it went.
-- `refers_to` is the hold that it posts or voids, or the entry that it reverses; `corrects` the reversed entry that it
-- posts again. `digest` is of what makes two requests the same. Columns stand in the order that wastes no bytes.
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

-- One positive amount from one account to another, both in one currency: an unbalanced one cannot be written. Numbered
-- within its entry, so none can be doubled. Those of a hold are pending. The versions are those that it gives to
-- accounts with a floor. No foreign key to the accounts: its lock on their rows would make the hot ones hot again.
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

-- What became of a held transfer: posted by an entry, in part or in full, or voided. What is left of it is still held.
CREATE TABLE ledger.hold_events (
    hold_position bigint NOT NULL,
    resolver      bigint NOT NULL,
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    number        smallint NOT NULL,
    event         text NOT NULL CHECK (event IN ('posted', 'voided')),
    PRIMARY KEY (hold_position, number, resolver)
);
CREATE INDEX hold_events_by_resolver ON ledger.hold_events (resolver);

-- The answer to a request that wrote nothing: every reason, given again to whoever repeats it.
CREATE TABLE ledger.refusals (
    position bigint PRIMARY KEY REFERENCES ledger.requests (position),
    reasons  jsonb NOT NULL CHECK (jsonb_typeof(reasons) = 'array' AND jsonb_array_length(reasons) > 0)
);

-- Days up to which no posting is taken any more, from the moment that the row is there for others to see. Like every row
-- that no entry covers, one carries the digest of what was written, so that a change behind the database's back is seen.
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

-- The balance of each account with a floor, kept by triggers; nothing else may write it. Writers queue up on these rows
-- in the order of their ids. `version` rises by one with every transfer on either side; the credit limit says how far the
-- balance may fall below its floor.
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

-- What is left of each held transfer, kept by triggers; a row goes when nothing is left.
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

-- Accounts without a floor that an amount of 10^12 units or more has touched: only theirs are counted, one writer at a
-- time, before more is posted, so that no counter ever passes 64 bits.
CREATE TABLE ledger.large_accounts (account_id integer PRIMARY KEY);

-- ── who may do what ────────────────────────────────────────────────────────────────────────────────────────────────

GRANT USAGE ON SCHEMA ledger TO tranche_application;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO tranche_application;
GRANT INSERT ON ledger.requests, ledger.accounts, ledger.transfers, ledger.hold_events, ledger.refusals, ledger.periods,
                ledger.outbox
   TO tranche_application;
GRANT USAGE ON SEQUENCE ledger.positions TO tranche_application;
