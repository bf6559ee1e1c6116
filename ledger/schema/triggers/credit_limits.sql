CREATE TRIGGER add_digest BEFORE INSERT ON ledger.credit_limits FOR EACH ROW EXECUTE FUNCTION ledger.add_row_digest();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.credit_limits
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER apply_credit_limit AFTER INSERT ON ledger.credit_limits
    FOR EACH ROW EXECUTE FUNCTION ledger.apply_credit_limit();
