CREATE TRIGGER apply_hold_events AFTER INSERT ON ledger.hold_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_hold_events();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.hold_events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
