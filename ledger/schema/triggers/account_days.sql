CREATE TRIGGER kept_by_triggers BEFORE INSERT OR UPDATE OR DELETE ON ledger.account_days
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.account_days
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
