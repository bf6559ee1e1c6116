-- `post_one` changes the balances of its one transfer itself. Its word for it counts only under the owner's rights.
CREATE TRIGGER apply_transfers AFTER INSERT ON ledger.transfers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT
    WHEN (current_setting('ledger.applied_by', true) IS DISTINCT FROM 'post_one'
          OR NOT has_table_privilege('ledger.transfers'::regclass, 'DELETE'))
    EXECUTE FUNCTION ledger.apply_transfers();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
