CREATE TRIGGER never_deleted BEFORE DELETE ON payments.breaks
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER keep_raised_breaks AFTER INSERT ON payments.breaks REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.keep_raised_breaks();
CREATE TRIGGER keep_changed_breaks AFTER UPDATE ON payments.breaks REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.keep_changed_breaks();
