-- At commit a plan's instalments repay its principal to the unit.
CREATE OR REPLACE FUNCTION lending.check_schedule() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
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
