CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON serving.access_records
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
