CREATE TRIGGER never_deleted BEFORE DELETE ON payments.breaks
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
