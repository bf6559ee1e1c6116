CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.review_case_events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER check_case_event BEFORE INSERT ON lending.review_case_events
    FOR EACH ROW EXECUTE FUNCTION lending.check_case_event();
