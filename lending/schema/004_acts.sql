-- Acts of people on plans: who did what and why, what needs a second person, and who that was. The events of an act name
-- it as their cause. Append-only.

-- An act that waits for a second person. `asked` is its arguments; `because` says why a second person is needed.
CREATE TABLE lending.act_proposals (
    proposal_id text PRIMARY KEY,
    plan_id     text NOT NULL REFERENCES lending.plans (plan_id),
    act         text NOT NULL CHECK (act <> ''),
    proposed_by text NOT NULL REFERENCES ledger.principals (principal_id),
    key         text NOT NULL CHECK (key ~ '^[A-Za-z0-9._-]{1,60}$'),
    reason      text NOT NULL CHECK (btrim(reason) <> ''),
    asked       jsonb NOT NULL CHECK (jsonb_typeof(asked) = 'object'),
    asked_day   date,
    value_date  date NOT NULL,
    because     text[] NOT NULL CHECK (cardinality(because) > 0),
    proposed_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL CHECK (expires_at > proposed_at),
    UNIQUE (proposed_by, key),
    UNIQUE (proposal_id, proposed_by),
    UNIQUE (proposal_id, plan_id, act, proposed_by)
);
CREATE INDEX act_proposals_by_plan ON lending.act_proposals (plan_id);

-- The second person of a proposal: one, and another principal than the first.
CREATE TABLE lending.act_approvals (
    proposal_id text PRIMARY KEY,
    proposed_by text NOT NULL,
    approved_by text NOT NULL REFERENCES ledger.principals (principal_id),
    approved_at timestamptz NOT NULL,
    FOREIGN KEY (proposal_id, proposed_by) REFERENCES lending.act_proposals (proposal_id, proposed_by),
    CONSTRAINT two_people CHECK (approved_by <> proposed_by)
);

-- An act that was done. `answer` is what it was answered with. Whatever forgives money or raises what is owed has an
-- approved proposal, whoever did it.
CREATE TABLE lending.acts (
    act_id       text PRIMARY KEY,
    position     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    plan_id      text NOT NULL REFERENCES lending.plans (plan_id),
    act          text NOT NULL CHECK (act <> ''),
    principal_id text NOT NULL REFERENCES ledger.principals (principal_id),
    key          text NOT NULL CHECK (key ~ '^[A-Za-z0-9._-]{1,60}$'),
    reason       text NOT NULL CHECK (btrim(reason) <> ''),
    asked        jsonb NOT NULL CHECK (jsonb_typeof(asked) = 'object'),
    asked_day    date,
    value_date   date NOT NULL,
    answer       jsonb NOT NULL CHECK (jsonb_typeof(answer) = 'object'),
    recorded_at  timestamptz NOT NULL,
    proposal_id  text UNIQUE REFERENCES lending.act_approvals (proposal_id),
    UNIQUE (principal_id, key),
    FOREIGN KEY (proposal_id, plan_id, act, principal_id)
        REFERENCES lending.act_proposals (proposal_id, plan_id, act, proposed_by),
    CHECK (proposal_id = act_id),
    CONSTRAINT second_person CHECK (
        proposal_id IS NOT NULL OR act NOT IN (
            'charge-fee', 'goodwill', 'reschedule', 'reverse', 'waive-fee', 'waive-interest', 'write-off'
        )
    )
);
CREATE INDEX acts_by_plan ON lending.acts (plan_id);

GRANT SELECT, INSERT ON lending.act_proposals, lending.act_approvals, lending.acts TO tranche_application;
