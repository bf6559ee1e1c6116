CREATE TRIGGER items_make_the_payout AFTER INSERT ON payments.payout_items
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payments.items_make_the_payout();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.payout_items
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
