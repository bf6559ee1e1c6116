-- Keys are never changed; those past their life may be deleted, and the order's own identity goes on protecting it.
CREATE TRIGGER never_changed BEFORE UPDATE ON serving.idempotency_keys
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
