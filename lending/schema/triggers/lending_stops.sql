CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.lending_stops
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
