CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.business_dates
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
