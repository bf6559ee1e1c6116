CREATE TRIGGER never_deleted BEFORE DELETE ON payments.refund_payments
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER moved_by_events BEFORE UPDATE ON payments.refund_payments
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION payments.refuse_to_change();
