CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON payments.group_expectations
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER refuse_unless_undone BEFORE DELETE ON payments.group_expectations
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_unless_undone();
CREATE TRIGGER close_grouped_expectations AFTER INSERT ON payments.group_expectations REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.close_grouped_expectations();
CREATE TRIGGER check_grouped_expectations AFTER INSERT ON payments.group_expectations REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_grouped_expectations();
