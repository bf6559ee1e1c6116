CREATE TRIGGER move_attempt BEFORE INSERT ON payments.attempt_events
    FOR EACH ROW EXECUTE FUNCTION payments.move_attempt();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.attempt_events
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
