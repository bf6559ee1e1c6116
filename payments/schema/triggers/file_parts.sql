CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.file_parts
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
