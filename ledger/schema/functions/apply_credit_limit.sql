-- A limit takes its place after the account's others, and the balance follows: one that is already overdrawn by more
-- breaks its constraint `within_limit`.
CREATE OR REPLACE FUNCTION ledger.apply_credit_limit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE ledger.balances b SET credit_limit_minor = NEW.limit_minor WHERE b.account_id = NEW.account_id;
    IF NOT FOUND OR NEW.number <> (SELECT count(*) FROM ledger.credit_limits l WHERE l.account_id = NEW.account_id) THEN
        RAISE EXCEPTION 'limit % of account % does not follow its others, or it has no balance', NEW.number, NEW.account_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
