CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.chosen_offers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
