CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.principal_keys
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
