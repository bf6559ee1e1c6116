-- The fold of a plan's first events, from which later events are folded. It only saves time: without it, or where the
-- digest of the rules is another one, the plan is folded from its beginning.
CREATE TABLE lending.fold_checkpoints (
    plan_id  text PRIMARY KEY REFERENCES lending.plans (plan_id),
    rules    text NOT NULL,
    events   integer NOT NULL CHECK (events > 0),
    position bigint NOT NULL REFERENCES lending.plan_events (position),
    state    text NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON lending.fold_checkpoints TO tranche_application;
