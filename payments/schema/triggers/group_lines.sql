CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.group_lines
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER close_grouped_lines AFTER INSERT ON payments.group_lines REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.close_grouped_lines();
CREATE TRIGGER check_grouped_lines AFTER INSERT ON payments.group_lines REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_grouped_lines();
