CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON payments.group_lines
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER refuse_unless_undone BEFORE DELETE ON payments.group_lines
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_unless_undone();
CREATE TRIGGER close_grouped_lines AFTER INSERT ON payments.group_lines REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.close_grouped_lines();
CREATE TRIGGER check_grouped_lines AFTER INSERT ON payments.group_lines REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_grouped_lines();
