CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.act_approvals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER check_approval BEFORE INSERT ON lending.act_approvals
    FOR EACH ROW EXECUTE FUNCTION lending.check_approval();
