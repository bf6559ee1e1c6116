-- Lists of decisions and plans are read newest first, page by page, by any of these.
CREATE INDEX decisions_by_order ON lending.decisions (order_id);
CREATE INDEX decisions_by_merchant ON lending.decisions (merchant_id, decided_at, decision_id);
CREATE INDEX decisions_by_outcome ON lending.decisions (outcome, decided_at, decision_id);
CREATE INDEX plans_by_order ON lending.plans (order_id);
CREATE INDEX plans_by_day ON lending.plans (opened_on, plan_id);
CREATE INDEX plans_by_merchant ON lending.plans (merchant_id, opened_on, plan_id);
CREATE INDEX plan_standings_by_status ON lending.plan_standing (status, plan_id);
