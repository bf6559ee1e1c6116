-- What happened to plans, as one log, and what follows from it: where each plan and each of its instalments stands.

-- Everything that ever happened to a plan, in whatever kind. Rows are only ever added; the plan is their fold.
CREATE TABLE lending.plan_events (
    event_id    text PRIMARY KEY CHECK (event_id <> ''),
    position    bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    plan_id     text NOT NULL REFERENCES lending.plans (plan_id),
    kind        text NOT NULL CHECK (kind <> ''),
    body        jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object'),
    value_date  date NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    cause       text NOT NULL
);
CREATE INDEX plan_events_by_plan ON lending.plan_events (plan_id, position);

-- Where a plan stands after its events, folded through a day. Two events of one plan queue up on this row, so that the
-- second is judged by what the first left. Kept by the application in the transaction of the event; made anew by
-- `tranche lending rebuild`.
CREATE TABLE lending.plan_standing (
    plan_id              text PRIMARY KEY REFERENCES lending.plans (plan_id),
    version              integer NOT NULL DEFAULT 0 CHECK (version >= 0),
    status               text NOT NULL,
    bucket               text NOT NULL DEFAULT '',
    folded_through       date NOT NULL,
    past_due_since       date,
    next_due_on          date,
    days_past_due        integer NOT NULL DEFAULT 0 CHECK (days_past_due >= 0),
    accrues              boolean NOT NULL DEFAULT false,
    principal_minor      bigint NOT NULL DEFAULT 0 CHECK (principal_minor >= 0),
    interest_minor       bigint NOT NULL DEFAULT 0 CHECK (interest_minor >= 0),
    fees_minor           bigint NOT NULL DEFAULT 0 CHECK (fees_minor >= 0),
    credit_balance_minor bigint NOT NULL DEFAULT 0 CHECK (credit_balance_minor >= 0),
    paused               datemultirange NOT NULL DEFAULT '{}'
) WITH (fillfactor = 80);
-- Close of business visits the plans that accrue and those with a due behind them.
CREATE INDEX plans_that_accrue ON lending.plan_standing (plan_id) WHERE accrues;
CREATE INDEX plans_by_next_due ON lending.plan_standing (next_due_on) WHERE next_due_on IS NOT NULL;

-- The instalments of a plan's schedule as it is now, and what is open of each.
CREATE TABLE lending.instalment_standing (
    instalment_id        text PRIMARY KEY,
    plan_id              text NOT NULL,
    number               integer NOT NULL CHECK (number >= 0),
    due_on               date NOT NULL,
    principal_minor      bigint NOT NULL CHECK (principal_minor >= 0),
    interest_minor       bigint NOT NULL CHECK (interest_minor >= 0),
    open_principal_minor bigint NOT NULL CHECK (open_principal_minor >= 0),
    open_interest_minor  bigint NOT NULL CHECK (open_interest_minor >= 0),
    open_fees_minor      bigint NOT NULL CHECK (open_fees_minor >= 0),
    disputed_minor       bigint NOT NULL CHECK (disputed_minor BETWEEN 0 AND open_principal_minor),
    UNIQUE (plan_id, number)
) WITH (fillfactor = 80);
CREATE INDEX instalments_left ON lending.instalment_standing (due_on, plan_id, number)
    WHERE open_principal_minor + open_interest_minor + open_fees_minor > 0;

-- Bookings of a plan that were reversed because an earlier event became known later. `times` is how often the booking
-- has been posted; `stands` says whether its last posting stands or was reversed like those before it.
CREATE TABLE lending.corrected_bookings (
    plan_id text NOT NULL REFERENCES lending.plans (plan_id),
    booking text NOT NULL,
    times   smallint NOT NULL CHECK (times >= 1),
    stands  boolean NOT NULL,
    PRIMARY KEY (plan_id, booking)
);

-- Business dates whose books were closed for the day over all plans.
CREATE TABLE lending.business_dates (
    business_date date PRIMARY KEY,
    closed_at     timestamptz NOT NULL,
    visited       bigint NOT NULL CHECK (visited >= 0),
    posted        bigint NOT NULL CHECK (posted >= 0)
);

GRANT SELECT, INSERT ON lending.plan_events, lending.business_dates TO tranche_application;
GRANT SELECT, INSERT, UPDATE ON lending.plan_standing, lending.corrected_bookings TO tranche_application;
GRANT SELECT, INSERT, UPDATE, DELETE ON lending.instalment_standing TO tranche_application;
