-- Interest that a pool of the books has for a plan, and how it grows by the day while nothing happens.

-- `pooled_minor` has accrued and is not owed on the plan's own account yet. While `folded_by` has not come, the interest
-- of the plan by a day is (interest_start + interest_step * days since 2000-01-01) / interest_divisor, rounded half to
-- even: close of business takes it from there. Without it, the plan is folded each day.
ALTER TABLE lending.plan_standing
    ADD COLUMN pooled_minor     bigint NOT NULL DEFAULT 0 CHECK (pooled_minor >= 0),
    ADD COLUMN interest_start   numeric,
    ADD COLUMN interest_step    numeric,
    ADD COLUMN interest_divisor numeric CHECK (interest_divisor > 0),
    ADD COLUMN folded_by        date,
    ADD CHECK (num_nulls(interest_start, interest_step, interest_divisor, folded_by) IN (0, 4));

-- Interest of closed chunks of plans, until the one transfer of the day to its pool takes it.
CREATE TABLE lending.interest_to_pool (
    product       text NOT NULL,
    currency      text NOT NULL,
    minor         bigint NOT NULL CHECK (minor > 0)
);

GRANT SELECT, INSERT, DELETE ON lending.interest_to_pool TO tranche_application;
