CREATE TRIGGER check_row_seal BEFORE INSERT ON ledger.row_seals
    FOR EACH ROW EXECUTE FUNCTION ledger.check_row_seal();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.row_seals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
