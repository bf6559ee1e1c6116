-- Attempts: one charge sent once under one key, the moves it may make, and every message that moved it.
CREATE SCHEMA IF NOT EXISTS payments;

CREATE TABLE payments.attempt_moves (
    from_state text NOT NULL,
    event      text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (from_state, event)
);
INSERT INTO payments.attempt_moves VALUES
    ('planned', 'guard_passed', 'claimed'),
    ('planned', 'withdrawn', 'cancelled'),
    ('claimed', 'request_written', 'submitting'),
    ('claimed', 'withdrawn', 'cancelled'),
    ('submitting', 'captured', 'presumed_paid'),
    ('submitting', 'refused', 'rejected'),
    ('submitting', 'no_answer', 'unknown'),
    ('unknown', 'captured', 'presumed_paid'),
    ('unknown', 'refused', 'rejected'),
    ('unknown', 'never_seen', 'claimed'),
    ('presumed_paid', 'cash_seen', 'settled'),
    ('presumed_paid', 'returned', 'returned'),
    ('settled', 'returned', 'returned'),
    ('presumed_paid', 'claim_opened', 'disputed'),
    ('settled', 'claim_opened', 'disputed'),
    ('disputed', 'claim_won', 'settled'),
    ('disputed', 'claim_lost', 'lost');

-- Every message to or from a provider, raw, hashed, once.
CREATE TABLE payments.messages (
    message_id text PRIMARY KEY CHECK (message_id ~ '^[0-9a-f]{64}$'),
    direction  text NOT NULL CHECK (direction IN ('out', 'in')),
    kind       text NOT NULL,
    about      text NOT NULL,
    body       text NOT NULL,
    seen_at    timestamptz NOT NULL
);
CREATE INDEX messages_by_subject ON payments.messages (about);

CREATE TABLE payments.attempts (
    attempt_id         text PRIMARY KEY,
    instalment_id      text NOT NULL,
    number             integer NOT NULL CHECK (number > 0),
    plan_id            text NOT NULL,
    shopper_id         text NOT NULL,
    account_id         text NOT NULL,
    provider           text NOT NULL,
    currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    fees_minor         bigint NOT NULL CHECK (fees_minor >= 0),
    interest_minor     bigint NOT NULL CHECK (interest_minor >= 0),
    principal_minor    bigint NOT NULL CHECK (principal_minor >= 0),
    due_on             date NOT NULL,
    requested_on       date NOT NULL,
    opens_plan         boolean NOT NULL,
    asked_by           text,
    state              text NOT NULL DEFAULT 'planned',
    submitted_at       timestamptz,
    refusal            text,
    detail             text,
    provider_reference text,
    captured_on        date,
    retry_on           date,
    policy_version     text,
    CHECK (fees_minor + interest_minor + principal_minor > 0),
    UNIQUE (instalment_id, number),
    UNIQUE (instalment_id, asked_by)
);
-- At most one attempt of an instalment may lead, or have led, to money: the index decides, not code.
CREATE UNIQUE INDEX one_live_attempt ON payments.attempts (instalment_id)
    WHERE state NOT IN ('rejected', 'returned', 'lost', 'cancelled');
CREATE INDEX attempts_unresolved ON payments.attempts (requested_on) WHERE state IN ('claimed', 'submitting', 'unknown');

CREATE TABLE payments.attempt_events (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    attempt_id text NOT NULL REFERENCES payments.attempts,
    event      text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    message_id text REFERENCES payments.messages,
    cause      text NOT NULL,
    at         timestamptz NOT NULL,
    FOREIGN KEY (from_state, event) REFERENCES payments.attempt_moves (from_state, event)
);
CREATE INDEX attempt_events_by_attempt ON payments.attempt_events (attempt_id);
