CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.plan_events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE CONSTRAINT TRIGGER check_event_of_act AFTER INSERT ON lending.plan_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.event_id LIKE 'act:%')
    EXECUTE FUNCTION lending.check_event_of_act();
