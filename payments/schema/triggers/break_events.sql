CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.break_events
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
