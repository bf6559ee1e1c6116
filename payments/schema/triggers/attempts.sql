CREATE TRIGGER never_deleted BEFORE DELETE ON payments.attempts
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER moved_by_events BEFORE UPDATE ON payments.attempts FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 AND
          (OLD.state, OLD.attempt_id, OLD.instalment_id, OLD.fees_minor, OLD.interest_minor, OLD.principal_minor,
           OLD.currency)
          IS DISTINCT FROM
          (NEW.state, NEW.attempt_id, NEW.instalment_id, NEW.fees_minor, NEW.interest_minor, NEW.principal_minor,
           NEW.currency))
    EXECUTE FUNCTION payments.refuse_to_move_by_hand();
