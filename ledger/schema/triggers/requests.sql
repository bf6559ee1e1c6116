CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.requests
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER check_free_form BEFORE INSERT ON ledger.requests
    FOR EACH ROW WHEN (NEW.flow = 'FREE') EXECUTE FUNCTION ledger.check_free_form();
