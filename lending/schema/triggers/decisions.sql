CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.decisions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE CONSTRAINT TRIGGER check_referred AFTER INSERT ON lending.decisions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.outcome = 'referred')
    EXECUTE FUNCTION lending.check_referred();
