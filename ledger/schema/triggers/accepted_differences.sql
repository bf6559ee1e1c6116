CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.accepted_differences
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
