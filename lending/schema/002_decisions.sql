-- Decisions, their reasons and reservations. Rows are written once and never changed.

-- One row for each shopper who ever asked: locked while an order of theirs is decided, so that two orders cannot both
-- use the same room under the limit.
CREATE TABLE lending.exposure_locks (
    shopper_id text PRIMARY KEY
);

CREATE TABLE lending.decisions (
    decision_id        text PRIMARY KEY,
    order_id           text NOT NULL,
    application_id     text,
    shopper_id         text NOT NULL,
    account_id         text NOT NULL,
    merchant_id        text,
    product            text NOT NULL,
    currency           text NOT NULL,
    requested_minor    bigint NOT NULL CHECK (requested_minor > 0),
    approved_minor     bigint CHECK (approved_minor > 0 AND approved_minor <= requested_minor),
    outcome            text NOT NULL CHECK (outcome IN ('approved', 'approved_reduced', 'referred', 'declined')),
    decided_at         timestamptz NOT NULL,
    expires_at         timestamptz,
    policy_digest      text NOT NULL,
    model_digest       text NOT NULL,
    feature_set_digest text NOT NULL,
    -- Canonical JSON as text, not jsonb: its bytes are what a replay must meet.
    inputs             text NOT NULL,
    answer             text NOT NULL,
    digest             text NOT NULL,
    CHECK ((outcome IN ('approved', 'approved_reduced')) = (approved_minor IS NOT NULL)),
    CHECK ((approved_minor IS NULL) = (expires_at IS NULL))
);
CREATE INDEX decisions_by_shopper ON lending.decisions (shopper_id, decided_at);
CREATE INDEX decisions_by_time ON lending.decisions (decided_at, decision_id);

CREATE TABLE lending.decision_reasons (
    decision_id  text NOT NULL REFERENCES lending.decisions,
    rank         smallint NOT NULL CHECK (rank >= 1),
    code         text NOT NULL,
    stage        text NOT NULL,
    rule_id      text NOT NULL,
    contribution double precision,
    PRIMARY KEY (decision_id, rank)
);

-- An approved amount counts against the limit until the offer expires, is released, or becomes a plan.
CREATE TABLE lending.reservations (
    decision_id      text PRIMARY KEY REFERENCES lending.decisions,
    shopper_id       text NOT NULL,
    currency         text NOT NULL,
    amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
    instalment_minor bigint NOT NULL CHECK (instalment_minor > 0),
    expires_at       timestamptz NOT NULL
);
CREATE INDEX reservations_by_shopper ON lending.reservations (shopper_id, currency);

CREATE TABLE lending.releases (
    decision_id text PRIMARY KEY REFERENCES lending.reservations,
    released_at timestamptz NOT NULL,
    reason      text NOT NULL
);

GRANT USAGE ON SCHEMA lending TO tranche_application;
GRANT SELECT, INSERT ON lending.exposure_locks, lending.decisions, lending.decision_reasons, lending.reservations,
      lending.releases TO tranche_application;
-- SELECT … FOR UPDATE asks for this; the key itself is all there is to update.
GRANT UPDATE ON lending.exposure_locks TO tranche_application;
