CREATE TRIGGER only_onwards BEFORE UPDATE ON ledger.relay_positions
    FOR EACH ROW EXECUTE FUNCTION ledger.keep_relay_position();
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON ledger.relay_positions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
