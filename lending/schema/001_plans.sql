-- Plans as agreed and what happened to them. Rows are only ever added.

CREATE SCHEMA IF NOT EXISTS lending;

CREATE TABLE lending.plans (
    plan_id                  text PRIMARY KEY CHECK (plan_id ~ '^[^:{}[:space:]]+$'),
    position                 bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    shopper_id               text,
    account_id               text NOT NULL,
    merchant_id              text,
    order_id                 text NOT NULL,
    decision_id              text,
    origin                   text NOT NULL CHECK (origin IN ('checkout', 'imported', 'replayed')),
    product                  text NOT NULL,
    opened_on                date NOT NULL,
    currency                 text NOT NULL,
    principal_minor          bigint NOT NULL CHECK (principal_minor > 0),
    merchant_discount_minor  bigint NOT NULL CHECK (merchant_discount_minor BETWEEN 0 AND principal_minor),
    annual_rate_basis_points integer NOT NULL CHECK (annual_rate_basis_points >= 0),
    terms_version            text NOT NULL,
    taken_from               jsonb NOT NULL,
    tax_minor                bigint CHECK (tax_minor >= 0),
    foreign_purchase         jsonb,
    CHECK (origin <> 'checkout' OR decision_id IS NOT NULL)
);
CREATE INDEX plans_by_account ON lending.plans (account_id);
CREATE INDEX plans_by_shopper ON lending.plans (shopper_id);
CREATE UNIQUE INDEX one_plan_per_decision ON lending.plans (decision_id);

CREATE TABLE lending.instalments (
    instalment_id   text PRIMARY KEY,
    plan_id         text NOT NULL REFERENCES lending.plans (plan_id),
    number          integer NOT NULL CHECK (number >= 0),
    due_on          date NOT NULL,
    principal_minor bigint NOT NULL CHECK (principal_minor >= 0),
    interest_minor  bigint NOT NULL CHECK (interest_minor >= 0),
    UNIQUE (plan_id, number),
    CHECK (principal_minor + interest_minor > 0)
);

GRANT USAGE ON SCHEMA lending TO tranche_application;
GRANT SELECT, INSERT ON lending.plans, lending.instalments TO tranche_application;
