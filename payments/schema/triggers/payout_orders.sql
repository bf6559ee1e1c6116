-- A payout gets into one batch, and nothing else of it ever changes.
CREATE TRIGGER batched_once BEFORE UPDATE ON payments.payout_orders FOR EACH ROW
    WHEN (OLD.batch_id IS NOT NULL OR
          (OLD.payout_id, OLD.kind, OLD.payee_id, OLD.amount_minor, OLD.currency, OLD.requested_on) IS DISTINCT FROM
          (NEW.payout_id, NEW.kind, NEW.payee_id, NEW.amount_minor, NEW.currency, NEW.requested_on))
    EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON payments.payout_orders
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
