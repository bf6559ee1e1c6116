-- Refuses an event out of turn, one after the outcome, an outcome that is no review of the case's decision, and one that
-- the reviewer who asked for a second look confirms alone.
CREATE OR REPLACE FUNCTION lending.check_case_event() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    last_number integer;
    asked_by    text;
BEGIN
    SELECT coalesce(max(e.number), 0) INTO last_number FROM lending.review_case_events e WHERE e.case_id = NEW.case_id;
    IF NEW.number > last_number + 1 THEN
        RAISE EXCEPTION 'event % of case % leaves a gap', NEW.number, NEW.case_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM lending.review_case_events e WHERE e.case_id = NEW.case_id AND e.kind = 'decided') THEN
        RAISE EXCEPTION 'case % is decided', NEW.case_id USING ERRCODE = 'unique_violation';
    END IF;
    IF NEW.kind <> 'decided' THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM lending.decisions d JOIN lending.review_cases c ON c.decision_id = d.reviews
                    WHERE c.case_id = NEW.case_id AND d.decision_id = NEW.body ->> 'decision_id') THEN
        RAISE EXCEPTION 'the outcome of case % is no review of its decision', NEW.case_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT CASE e.kind WHEN 'second_look_asked' THEN e.done_by END INTO asked_by
      FROM lending.review_case_events e
     WHERE e.case_id = NEW.case_id AND e.kind IN ('second_look_asked', 'second_look_refused')
     ORDER BY e.number DESC LIMIT 1;
    IF asked_by = NEW.done_by AND NEW.body ->> 'verdict' = 'approved' THEN
        RAISE EXCEPTION '% asked for a second look at case %, which is another person''s', NEW.done_by, NEW.case_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
