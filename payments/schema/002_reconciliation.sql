-- Files of the outside world, what we expect of them, which line closed what, and what is left: the breaks.

CREATE TABLE payments.files (
    sha256      text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    name        text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('repayment_lines', 'provider_settlement', 'bank_statement')),
    content     bytea NOT NULL,
    rows        integer NOT NULL,
    taken_at    timestamptz NOT NULL
);

-- Every name under which a file of these bytes was delivered, the first one included.
CREATE TABLE payments.file_names (
    sha256  text NOT NULL REFERENCES payments.files,
    name    text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (sha256, name)
);

-- Rows, once each. `reported_on` is the day of the file that told us.
CREATE TABLE payments.lines (
    line_key     text PRIMARY KEY,
    sha256       text NOT NULL REFERENCES payments.files,
    kind         text NOT NULL
                 CHECK (kind IN ('repayment', 'capture', 'return', 'refund', 'chargeback', 'chargeback_won', 'fee',
                                 'payout', 'credit', 'debit')),
    line_id      text NOT NULL,
    key          text,
    account_id   text,
    payout_id    text,
    bank_account text,
    counterparty text,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    booked_on    date NOT NULL,
    reported_on  date NOT NULL,
    detail       text NOT NULL DEFAULT ''
);
CREATE INDEX lines_by_payout ON payments.lines (payout_id) WHERE payout_id IS NOT NULL;

CREATE TABLE payments.statements (
    bank_account  text NOT NULL,
    currency      text NOT NULL,
    number        integer NOT NULL,
    sha256        text NOT NULL REFERENCES payments.files,
    closing_minor bigint NOT NULL,
    closed_on     date NOT NULL,
    PRIMARY KEY (bank_account, currency, number)
);

-- What the other side should show. A due is met in its window; everything else by its key.
CREATE TABLE payments.expectations (
    expectation_id  text PRIMARY KEY,
    leg             smallint NOT NULL CHECK (leg BETWEEN 1 AND 8),
    account_id      text,
    plan_id         text,
    instalment_id   text,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
    window_from     date,
    window_to       date,
    expected_on     date NOT NULL,
    due_by          date NOT NULL,
    created_by      text NOT NULL
);
CREATE INDEX expectations_by_account ON payments.expectations (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE payments.matches (
    line_key       text PRIMARY KEY REFERENCES payments.lines,
    expectation_id text NOT NULL UNIQUE REFERENCES payments.expectations,
    rule           text NOT NULL,
    rule_version   integer NOT NULL,
    late           boolean NOT NULL,
    matched_on     date NOT NULL
);

-- A break has a class, an owner, a reason, a severity and a due day; it may be refined or closed, never cleared.
CREATE TABLE payments.breaks (
    break_id       text PRIMARY KEY,
    class          text NOT NULL CHECK (class ~ '^E[0-9]+$'),
    line_key       text REFERENCES payments.lines,
    expectation_id text REFERENCES payments.expectations,
    currency       text,
    amount_minor   bigint,
    reason         text NOT NULL,
    owner          text NOT NULL,
    severity       text NOT NULL,
    opened_on      date NOT NULL,
    due_by         date NOT NULL,
    closed_on      date,
    closed_by      text,
    CHECK ((closed_on IS NULL) = (closed_by IS NULL))
);
CREATE INDEX breaks_open ON payments.breaks (class) WHERE closed_on IS NULL;
