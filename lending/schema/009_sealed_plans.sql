-- Plans, their events and people's acts on them are sealed (ledger/schema/009_row_seals.sql).

ALTER TABLE lending.plan_events ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX plan_events_by_txid ON lending.plan_events (txid, position);

ALTER TABLE lending.plans ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX plans_by_txid ON lending.plans (txid, position);

ALTER TABLE lending.instalments ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE lending.instalments ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX instalments_by_txid ON lending.instalments (txid, position);

ALTER TABLE lending.acts ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX acts_by_txid ON lending.acts (txid, position);

ALTER TABLE lending.act_proposals ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE lending.act_proposals ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX act_proposals_by_txid ON lending.act_proposals (txid, position);

ALTER TABLE lending.act_approvals ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE lending.act_approvals ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX act_approvals_by_txid ON lending.act_approvals (txid, position);

ALTER TABLE lending.business_dates ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE lending.business_dates ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX business_dates_by_txid ON lending.business_dates (txid, position);

INSERT INTO ledger.sealed_tables VALUES
    ('lending.plan_events', 'plan', 'plan_id', 'event', 'event_id'),
    ('lending.plans', 'plan', 'plan_id', 'agreement', 'plan_id'),
    ('lending.instalments', 'plan', 'plan_id', 'instalment', 'instalment_id'),
    ('lending.acts', 'plan', 'plan_id', 'act', 'act_id'),
    ('lending.act_proposals', 'plan', 'plan_id', 'proposal', 'proposal_id'),
    ('lending.act_approvals', 'proposal', 'proposal_id', 'approval', 'proposal_id'),
    ('lending.business_dates', 'business date', 'business_date', 'close', 'business_date');
