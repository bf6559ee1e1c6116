CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.decision_reasons
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
