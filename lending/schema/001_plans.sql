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
CREATE INDEX instalments_by_due_day ON lending.instalments (due_on);

-- Money that repaid an instalment or went back.
CREATE TABLE lending.instalment_payments (
    event_id        text PRIMARY KEY,
    position        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    plan_id         text NOT NULL REFERENCES lending.plans (plan_id),
    instalment_id   text NOT NULL REFERENCES lending.instalments (instalment_id),
    kind            text NOT NULL CHECK (kind IN ('paid', 'returned')),
    principal_minor bigint NOT NULL CHECK (principal_minor >= 0),
    interest_minor  bigint NOT NULL CHECK (interest_minor >= 0),
    value_date      date NOT NULL,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    cause           text NOT NULL,
    CHECK (principal_minor + interest_minor > 0)
);
CREATE INDEX instalment_payments_by_instalment ON lending.instalment_payments (instalment_id);
CREATE INDEX instalment_payments_by_plan ON lending.instalment_payments (plan_id);

CREATE VIEW lending.open_instalments AS
    SELECT i.instalment_id, i.plan_id, i.number, i.due_on,
           i.principal_minor - coalesce(e.principal_minor, 0) AS open_principal_minor,
           i.interest_minor - coalesce(e.interest_minor, 0) AS open_interest_minor
      FROM lending.instalments i
      LEFT JOIN (
        SELECT instalment_id,
               sum(CASE kind WHEN 'paid' THEN principal_minor ELSE -principal_minor END)::bigint AS principal_minor,
               sum(CASE kind WHEN 'paid' THEN interest_minor ELSE -interest_minor END)::bigint AS interest_minor
          FROM lending.instalment_payments GROUP BY instalment_id
      ) e USING (instalment_id);

-- At commit a plan's instalments repay its principal to the unit.
CREATE FUNCTION lending.check_schedule() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    scheduled bigint := (SELECT sum(principal_minor) FROM lending.instalments WHERE plan_id = NEW.plan_id);
    agreed bigint := (SELECT principal_minor FROM lending.plans WHERE plan_id = NEW.plan_id);
BEGIN
    IF scheduled IS DISTINCT FROM agreed THEN
        RAISE EXCEPTION 'plan %: instalments repay % of %', NEW.plan_id, scheduled, agreed
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER check_schedule AFTER INSERT ON lending.plans
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending.check_schedule();
CREATE CONSTRAINT TRIGGER check_schedule AFTER INSERT ON lending.instalments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending.check_schedule();

-- Two payments of one instalment queue up on its row, so that neither overlooks the other. The lock lets the foreign key
-- of a further payment through, which is taken first: a stronger one would make the two wait for each other.
CREATE FUNCTION lending.check_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    excess text;
BEGIN
    PERFORM FROM lending.instalments i
      WHERE i.instalment_id IN (SELECT instalment_id FROM added) ORDER BY i.instalment_id FOR NO KEY UPDATE;
    SELECT o.instalment_id INTO excess
      FROM lending.open_instalments o JOIN lending.instalments i USING (instalment_id)
     WHERE o.instalment_id IN (SELECT instalment_id FROM added)
       AND NOT (o.open_principal_minor BETWEEN 0 AND i.principal_minor
                AND o.open_interest_minor BETWEEN 0 AND i.interest_minor)
     ORDER BY o.instalment_id LIMIT 1;
    IF excess IS NOT NULL THEN
        RAISE EXCEPTION '% would be paid beyond what is due or given back beyond what was paid', excess
              USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'not_beyond_due';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER check_events AFTER INSERT ON lending.instalment_payments
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION lending.check_events();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.plans
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.instalments
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.instalment_payments
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT USAGE ON SCHEMA lending TO tranche_application;
GRANT SELECT ON lending.plans, lending.instalments, lending.instalment_payments, lending.open_instalments
   TO tranche_application;
GRANT INSERT ON lending.plans, lending.instalments, lending.instalment_payments TO tranche_application;
