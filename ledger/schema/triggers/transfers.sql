-- `post_one`, and nothing else, runs as this role; it changes the balances of its one transfer itself.
CREATE TRIGGER apply_transfers AFTER INSERT ON ledger.transfers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT WHEN (current_user <> 'tranche_poster')
    EXECUTE FUNCTION ledger.apply_transfers();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
