CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.break_approvals
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER check_break_approval BEFORE INSERT ON payments.break_approvals
    FOR EACH ROW EXECUTE FUNCTION payments.check_break_approval();
