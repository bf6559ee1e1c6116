-- Posts an entry of one transfer between accounts that exist, in one statement. False, with nothing written, when it is
-- not that simple: an account must be opened, the id is known, the day is closed, a limit would be broken, or a counter
-- is so large that it must be watched. The caller then asks `prepare` and decides with reasons. Locks as `prepare` does,
-- in the same order; for the settings see there.
CREATE OR REPLACE FUNCTION ledger.post_one(
    entry_id text, flow text, template_version smallint, value_date date, original_date date, occurred timestamptz,
    recorded timestamptz, correlation jsonb, body text, debited text, credited text, currency text, amount bigint
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
#variable_conflict use_variable
DECLARE
    given CONSTANT text := entry_id;
    d ledger.accounts;
    c ledger.accounts;
    kept ledger.balances;
    found_rows integer := 0;
    debit_version integer;
    credit_version integer;
    place bigint;
    made integer;
    free bigint;
BEGIN
    PERFORM pg_current_xact_id();
    SELECT a.* INTO d FROM ledger.accounts a WHERE a.account = debited AND a.currency = post_one.currency;
    SELECT a.* INTO c FROM ledger.accounts a WHERE a.account = credited AND a.currency = post_one.currency;
    IF d.account_id IS NULL OR c.account_id IS NULL OR d.account_id = c.account_id THEN
        RETURN false;
    END IF;
    FOR kept IN
        SELECT b.* FROM ledger.balances b WHERE b.account_id IN (d.account_id, c.account_id)
         ORDER BY b.account_id FOR NO KEY UPDATE
    LOOP
        found_rows := found_rows + 1;
        IF greatest(kept.debits_posted, kept.credits_posted, kept.debits_pending, kept.credits_pending)
           > 4000000000000000000 THEN
            RETURN false;
        END IF;
        IF kept.account_id = d.account_id THEN
            debit_version := kept.version + 1;
            free := CASE WHEN d.normal = 'debit'
                         THEN kept.debits_posted + amount - kept.credits_posted - kept.credits_pending
                         ELSE kept.credits_posted - kept.debits_posted - amount - kept.debits_pending END;
        ELSE
            credit_version := kept.version + 1;
            free := CASE WHEN c.normal = 'debit'
                         THEN kept.debits_posted - kept.credits_posted - amount - kept.credits_pending
                         ELSE kept.credits_posted + amount - kept.debits_posted - kept.debits_pending END;
        END IF;
        IF free < -kept.credit_limit_minor THEN
            RETURN false;
        END IF;
    END LOOP;
    IF found_rows <> d.floor::integer + c.floor::integer
       OR EXISTS (SELECT FROM ledger.requests r WHERE r.entry_id = given)
       OR value_date <= (SELECT max(p.through) FROM ledger.periods p)
       OR EXISTS (SELECT FROM ledger.large_accounts l WHERE l.account_id IN (d.account_id, c.account_id)) THEN
        RETURN false;
    END IF;
    place := nextval('ledger.positions');
    INSERT INTO ledger.requests (position, occurred_at, recorded_at, value_date, original_date, template_version,
                                 transfer_count, act, flow, entry_id, reason, digest, correlation)
    VALUES (place, occurred, recorded, value_date, original_date, template_version, 1, 'post', flow, given, '',
            ledger.body_digest('post', NULL, NULL, NULL, flow, value_date, original_date, occurred, correlation, '',
                               body),
            correlation)
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    IF made = 0 THEN  -- another writer recorded the id meanwhile
        RETURN false;
    END IF;
    INSERT INTO ledger.transfers (position, amount_minor, debit, credit, debit_version, credit_version, number, pending)
    VALUES (place, amount, d.account_id, c.account_id, debit_version, credit_version, 1, false);
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.post_one FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.post_one TO tranche_application;
