CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.periods
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER add_digest BEFORE INSERT ON ledger.periods FOR EACH ROW EXECUTE FUNCTION ledger.add_row_digest();
