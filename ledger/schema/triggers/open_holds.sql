CREATE TRIGGER kept_by_triggers BEFORE INSERT OR UPDATE OR DELETE ON ledger.open_holds
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.open_holds
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
