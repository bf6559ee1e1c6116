CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.tolerance_uses
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
