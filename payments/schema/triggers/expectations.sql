CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.expectations
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER open_new_expectations AFTER INSERT ON payments.expectations REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.open_new_expectations();
