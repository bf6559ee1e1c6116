-- Refuses a referred decision without a case at the end of its transaction: nobody would ever look at it.
CREATE OR REPLACE FUNCTION lending.check_referred() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM lending.review_cases c WHERE c.decision_id = NEW.decision_id) THEN
        RAISE EXCEPTION 'the referred decision % has no case', NEW.decision_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
