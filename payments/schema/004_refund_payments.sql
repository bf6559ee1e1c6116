-- Refunds on their way to the shopper: each payment sent once under one key, and the moves it may make.
CREATE TABLE payments.refund_moves (
    from_state text NOT NULL,
    event      text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (from_state, event)
);
INSERT INTO payments.refund_moves VALUES
    ('claimed', 'request_written', 'submitting'),
    ('submitting', 'confirmed', 'paid'),
    ('submitting', 'refused', 'refused'),
    ('submitting', 'no_answer', 'unknown'),
    ('unknown', 'confirmed', 'paid'),
    ('unknown', 'refused', 'refused'),
    ('unknown', 'never_seen', 'claimed'),
    ('paid', 'brought_back', 'failed');

CREATE TABLE payments.refund_payments (
    payment_id   text PRIMARY KEY,
    refund_id    text NOT NULL,
    number       integer NOT NULL CHECK (number > 0),
    plan_id      text NOT NULL,
    shopper_id   text NOT NULL,
    account_id   text NOT NULL,
    way          text NOT NULL CHECK (way IN ('provider', 'bank')),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    requested_on date NOT NULL,
    state        text NOT NULL DEFAULT 'claimed',
    submitted_at timestamptz,
    UNIQUE (refund_id, number)
);
-- A refund is paid once: the index decides, not code.
CREATE UNIQUE INDEX one_live_payment ON payments.refund_payments (refund_id) WHERE state NOT IN ('refused', 'failed');
CREATE INDEX refund_payments_by_day ON payments.refund_payments (requested_on) WHERE way = 'bank';

CREATE TABLE payments.refund_events (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payments.refund_payments,
    event      text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    message_id text REFERENCES payments.messages,
    cause      text NOT NULL,
    at         timestamptz NOT NULL,
    FOREIGN KEY (from_state, event) REFERENCES payments.refund_moves (from_state, event)
);
CREATE INDEX refund_events_by_payment ON payments.refund_events (payment_id);
