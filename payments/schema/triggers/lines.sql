CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.lines
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER open_new_lines AFTER INSERT ON payments.lines REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.open_new_lines();
CREATE TRIGGER check_files_of_lines AFTER INSERT ON payments.lines REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_files_of_lines();
