-- The role under which `post_one` runs. Nobody logs in as it or is a member, but for the one who migrates: what it may do
-- is done by that function only, and the triggers let it change balances by this.

DO $$
BEGIN
    CREATE ROLE tranche_poster NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the whole server: another database on it has created this one
END
$$;
DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN  -- else it could not hand the function over
        GRANT tranche_poster TO CURRENT_USER;
        GRANT CREATE ON SCHEMA ledger TO tranche_poster;
    END IF;
END
$$;
GRANT USAGE ON SCHEMA ledger TO tranche_poster;
GRANT SELECT ON ledger.accounts, ledger.balances, ledger.requests, ledger.periods, ledger.large_accounts,
                ledger.proposals, ledger.approvals
   TO tranche_poster;
GRANT INSERT ON ledger.requests, ledger.transfers TO tranche_poster;
GRANT UPDATE ON ledger.balances TO tranche_poster;
GRANT USAGE ON SEQUENCE ledger.positions TO tranche_poster;

-- PostgreSQL reads the constraints of a table again for every statement that writes to it, which for one entry takes
-- longer than to check them. These say the same in half the words. No difference of two counters that are not negative
-- passes 64 bits, and less than minus 2^63 is an error as well. The side of the floor is that of the account, which has
-- a constraint of its own.
ALTER TABLE ledger.balances
    DROP CONSTRAINT within_limit,
    DROP CONSTRAINT balances_floor_check,
    DROP CONSTRAINT balances_debits_posted_check,
    DROP CONSTRAINT balances_credits_posted_check,
    DROP CONSTRAINT balances_debits_pending_check,
    DROP CONSTRAINT balances_credits_pending_check,
    DROP CONSTRAINT balances_credit_limit_minor_check,
    ADD CONSTRAINT not_negative
        CHECK (least(debits_posted, credits_posted, debits_pending, credits_pending, credit_limit_minor) >= 0),
    ADD CONSTRAINT within_limit CHECK (
        CASE floor WHEN 'debit' THEN debits_posted - credits_posted - credits_pending
                   ELSE credits_posted - debits_posted - debits_pending END >= -credit_limit_minor
    );
