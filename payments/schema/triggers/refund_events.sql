CREATE TRIGGER move_refund BEFORE INSERT ON payments.refund_events
    FOR EACH ROW EXECUTE FUNCTION payments.move_refund();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.refund_events
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
