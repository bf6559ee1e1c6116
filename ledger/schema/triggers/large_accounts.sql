CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.large_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
