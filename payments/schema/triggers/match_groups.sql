CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON payments.match_groups
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER refuse_unless_undone BEFORE DELETE ON payments.match_groups
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_unless_undone();
