CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER add_digest BEFORE INSERT ON ledger.outbox FOR EACH ROW EXECUTE FUNCTION ledger.add_outbox_digest();
CREATE TRIGGER take_transaction_id BEFORE INSERT ON ledger.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.take_transaction_id();
