CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.attempt_moves
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
