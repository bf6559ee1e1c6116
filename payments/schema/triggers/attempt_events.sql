CREATE TRIGGER move_attempt BEFORE INSERT ON payments.attempt_events
    FOR EACH ROW WHEN (NEW.to_state IS NULL) EXECUTE FUNCTION payments.move_attempt();
CREATE TRIGGER move_attempts AFTER INSERT ON payments.attempt_events REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.move_attempts();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.attempt_events
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
