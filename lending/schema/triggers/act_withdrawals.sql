CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.act_withdrawals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER check_withdrawal BEFORE INSERT ON lending.act_withdrawals
    FOR EACH ROW EXECUTE FUNCTION lending.check_withdrawal();
