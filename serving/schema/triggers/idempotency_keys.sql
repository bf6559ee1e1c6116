-- Keys never change. Expired keys may be deleted: the order's own identity still prevents a second decision.
CREATE TRIGGER never_changed BEFORE UPDATE ON serving.idempotency_keys
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
