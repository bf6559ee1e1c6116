-- What happened to each break, by whom and why; what people do about breaks; and matches that were undone.

-- An act on a break that waits for a second person. `asked` is its arguments; `because` says why one is needed.
CREATE TABLE payments.break_proposals (
    proposal_id text PRIMARY KEY,
    break_id    text NOT NULL REFERENCES payments.breaks,
    act         text NOT NULL CHECK (act <> ''),
    proposed_by text NOT NULL REFERENCES ledger.principals (principal_id),
    key         text NOT NULL CHECK (key ~ '^[A-Za-z0-9._-]{1,60}$'),
    reason      text NOT NULL CHECK (btrim(reason) <> ''),
    asked       jsonb NOT NULL CHECK (jsonb_typeof(asked) = 'object'),
    because     text[] NOT NULL CHECK (cardinality(because) > 0),
    proposed_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL CHECK (expires_at > proposed_at),
    position    bigint GENERATED ALWAYS AS IDENTITY,
    txid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (proposed_by, key),
    UNIQUE (proposal_id, proposed_by),
    UNIQUE (proposal_id, break_id, act, proposed_by)
);
CREATE INDEX break_proposals_by_break ON payments.break_proposals (break_id);

-- The second person of a proposal: one, and another principal than the first.
CREATE TABLE payments.break_approvals (
    proposal_id text PRIMARY KEY,
    proposed_by text NOT NULL,
    approved_by text NOT NULL REFERENCES ledger.principals (principal_id),
    approved_at timestamptz NOT NULL,
    position    bigint GENERATED ALWAYS AS IDENTITY,
    txid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    FOREIGN KEY (proposal_id, proposed_by) REFERENCES payments.break_proposals (proposal_id, proposed_by),
    CONSTRAINT two_people CHECK (approved_by <> proposed_by)
);

-- An act that was done, with its answer. A match by hand has an approved proposal, whoever did it.
CREATE TABLE payments.break_acts (
    act_id       text PRIMARY KEY,
    position     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    break_id     text NOT NULL REFERENCES payments.breaks,
    act          text NOT NULL CHECK (
        act IN ('match', 'unmatch', 'reprocess', 'write-off', 'return', 'accept', 'assign')
    ),
    principal_id text NOT NULL REFERENCES ledger.principals (principal_id),
    key          text NOT NULL CHECK (key ~ '^[A-Za-z0-9._-]{1,60}$'),
    reason       text NOT NULL CHECK (btrim(reason) <> ''),
    asked        jsonb NOT NULL CHECK (jsonb_typeof(asked) = 'object'),
    answer       jsonb NOT NULL CHECK (jsonb_typeof(answer) = 'object'),
    recorded_at  timestamptz NOT NULL,
    proposal_id  text UNIQUE REFERENCES payments.break_approvals (proposal_id),
    txid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (principal_id, key),
    FOREIGN KEY (proposal_id, break_id, act, principal_id)
        REFERENCES payments.break_proposals (proposal_id, break_id, act, proposed_by),
    CHECK (proposal_id = act_id),
    CONSTRAINT second_person CHECK (proposal_id IS NOT NULL OR act <> 'match')
);
CREATE INDEX break_acts_by_break ON payments.break_acts (break_id);

-- What people decided about breaks is sealed like their acts on plans (ledger/schema/009_row_seals.sql).
CREATE UNIQUE INDEX break_proposals_by_txid ON payments.break_proposals (txid, position);
CREATE UNIQUE INDEX break_approvals_by_txid ON payments.break_approvals (txid, position);
CREATE UNIQUE INDEX break_acts_by_txid ON payments.break_acts (txid, position);
INSERT INTO ledger.sealed_tables VALUES
    ('payments.break_acts', 'break', 'break_id', 'act', 'act_id'),
    ('payments.break_proposals', 'break', 'break_id', 'proposal', 'proposal_id'),
    ('payments.break_approvals', 'proposal', 'proposal_id', 'approval', 'proposal_id');

-- Everything that happened to a break, numbered from 1: class, owner, severity and due day are those from then on.
-- `actor` is the principal of the act, or the program. The acts of a transaction are kept at its end.
CREATE TABLE payments.break_events (
    break_id text NOT NULL REFERENCES payments.breaks,
    number   integer NOT NULL CHECK (number > 0),
    event    text NOT NULL CHECK (event IN (
        'raised', 'refined', 'severity_raised', 'assigned', 'accepted', 'matched', 'unmatched', 'reprocessed',
        'written_off', 'returned', 'closed', 'reopened'
    )),
    class    text NOT NULL,
    owner    text NOT NULL,
    severity text NOT NULL,
    due_by   date NOT NULL,
    reason   text NOT NULL CHECK (btrim(reason) <> ''),
    actor    text NOT NULL CHECK (actor <> ''),
    act_id   text REFERENCES payments.break_acts DEFERRABLE INITIALLY DEFERRED,
    key      text NOT NULL UNIQUE,
    on_day   date NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (break_id, number)
);
CREATE INDEX break_events_by_act ON payments.break_events (act_id) WHERE act_id IS NOT NULL;

INSERT INTO payments.break_events (break_id, number, event, class, owner, severity, due_by, reason, actor, key, on_day, at)
SELECT break_id, 1, 'raised', class, owner, severity, due_by, reason, 'payments', break_id || ':1', opened_on, now()
  FROM payments.breaks;
INSERT INTO payments.break_events (break_id, number, event, class, owner, severity, due_by, reason, actor, key, on_day, at)
SELECT break_id, 2, 'closed', class, owner, severity, due_by, closed_by, 'payments', break_id || ':2', closed_on, now()
  FROM payments.breaks WHERE closed_on IS NOT NULL;

-- For ageing: breaks that are still open, by their due day.
CREATE INDEX breaks_open_by_due_day ON payments.breaks (due_by) WHERE closed_on IS NULL;

-- A match that a person undid, as it was: its group is gone, and its line and expectations are open again.
CREATE TABLE payments.undone_groups (
    group_id        text NOT NULL,
    number          integer NOT NULL CHECK (number > 0),
    rule            text NOT NULL,
    rule_version    integer NOT NULL,
    keys            text[] NOT NULL,
    late            boolean NOT NULL,
    matched_on      date NOT NULL,
    line_keys       text[] NOT NULL,
    expectation_ids text[] NOT NULL,
    act_id          text NOT NULL REFERENCES payments.break_acts DEFERRABLE INITIALLY DEFERRED,
    txid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (group_id, number)
);

-- The entries that undoing reversed, by the id with which they were first posted: another posting takes another id.
CREATE TABLE payments.undone_entries (
    entry_id text NOT NULL,
    times    integer NOT NULL CHECK (times > 0),
    PRIMARY KEY (entry_id, times)
);

-- The match of a provider's payout was undone: its attempts wait for their cash again.
INSERT INTO payments.attempt_moves VALUES ('settled', 'cash_unseen', 'presumed_paid');

GRANT USAGE ON SCHEMA payments TO tranche_application;
GRANT SELECT ON payments.break_acts, payments.break_proposals, payments.break_approvals TO tranche_application;
