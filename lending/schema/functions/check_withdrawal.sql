-- Refuses to take back a proposal that was approved. An approval and a withdrawal at once wait for each other.
CREATE OR REPLACE FUNCTION lending.check_withdrawal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.proposal_id, 0));
    IF EXISTS (SELECT FROM lending.act_approvals a WHERE a.proposal_id = NEW.proposal_id) THEN
        RAISE EXCEPTION 'proposal % is approved', NEW.proposal_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
