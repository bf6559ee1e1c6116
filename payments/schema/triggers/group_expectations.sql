CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.group_expectations
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER close_grouped_expectations AFTER INSERT ON payments.group_expectations REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.close_grouped_expectations();
CREATE TRIGGER check_grouped_expectations AFTER INSERT ON payments.group_expectations REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_grouped_expectations();
