-- What no entry covers carries a hash of its own row, so that a change behind the database's back is seen.

CREATE FUNCTION ledger.row_digest(content jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to((content - 'digest')::text, 'UTF8'))
$$;

CREATE FUNCTION ledger.add_row_digest() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog SET timezone = 'UTC' AS $$
BEGIN
    NEW.digest := ledger.row_digest(to_jsonb(NEW));
    RETURN NEW;
END
$$;

ALTER TABLE ledger.periods ADD COLUMN digest bytea NOT NULL CHECK (octet_length(digest) = 32);
ALTER TABLE ledger.proposals ADD COLUMN digest bytea NOT NULL CHECK (octet_length(digest) = 32);
ALTER TABLE ledger.approvals ADD COLUMN digest bytea NOT NULL CHECK (octet_length(digest) = 32);
CREATE TRIGGER add_digest BEFORE INSERT ON ledger.periods FOR EACH ROW EXECUTE FUNCTION ledger.add_row_digest();
CREATE TRIGGER add_digest BEFORE INSERT ON ledger.proposals FOR EACH ROW EXECUTE FUNCTION ledger.add_row_digest();
CREATE TRIGGER add_digest BEFORE INSERT ON ledger.approvals FOR EACH ROW EXECUTE FUNCTION ledger.add_row_digest();

CREATE VIEW ledger.derived_large_accounts AS
    SELECT a.account_id FROM ledger.accounts a
     WHERE NOT a.floor AND a.account_id IN (SELECT unnest(ARRAY[t.debit, t.credit]) FROM ledger.transfers t
                                             WHERE t.amount_minor >= 1000000000000);
GRANT SELECT ON ledger.derived_large_accounts TO tranche_application;
