CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lending.act_proposals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
