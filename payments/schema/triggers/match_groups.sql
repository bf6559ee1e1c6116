CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.match_groups
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
