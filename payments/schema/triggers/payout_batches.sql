-- A batch is written once, and then never changed.
CREATE TRIGGER written_once BEFORE UPDATE ON payments.payout_batches FOR EACH ROW
    WHEN (OLD.written_at IS NOT NULL OR
          (OLD.batch_id, OLD.kind, OLD.day, OLD.serial) IS DISTINCT FROM (NEW.batch_id, NEW.kind, NEW.day, NEW.serial))
    EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON payments.payout_batches
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
