-- Balances and open holds are updated by triggers on transfers and hold events, and balances by `post_one`; direct
-- changes are rejected.
CREATE TRIGGER kept_by_triggers BEFORE INSERT OR UPDATE OR DELETE ON ledger.balances
    FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0 AND current_user <> 'tranche_poster')
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.balances
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
