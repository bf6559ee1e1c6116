-- Posts an entry of one transfer between accounts that exist, in one statement. False, with nothing changed, when it is
-- not that simple: an account must be opened, the id is known, the day is closed, a limit would be broken, or an amount
-- or a counter is so large that it must be watched. The caller then asks `prepare` and decides with reasons.
--
-- It locks as `prepare` does and in the same order. It changes the balances itself, as `apply_transfers` would: one
-- update of a row by its key costs a fifth of what that trigger costs for batches of any size. It runs as a role of its
-- own, by which the triggers know it. It needs none of the planner settings of `prepare`: no parameter is an array, so
-- that every plan reads one row by its key.
CREATE OR REPLACE FUNCTION ledger.post_one(
    entry_id text, flow text, template_version smallint, value_date date, original_date date, occurred timestamptz,
    recorded timestamptz, correlation jsonb, debited text, credited text, currency text, amount bigint
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_variable
DECLARE
    transaction_id CONSTANT xid8 := pg_current_xact_id();  -- taken before anything is read; see `prepare`
    most CONSTANT bigint := 4000000000000000000;           -- four counters of this size add up within 64 bits
    d_id integer;
    d_floor boolean;
    d_normal text;
    d_version integer;
    c_id integer;
    c_floor boolean;
    c_normal text;
    c_version integer;
    simple boolean;
    place bigint;
BEGIN
    SELECT d.account_id, d.floor, d.normal, c.account_id, c.floor, c.normal,
           d.account_id <> c.account_id AND amount < 1000000000000
           AND NOT EXISTS (SELECT FROM ledger.requests r WHERE r.entry_id = post_one.entry_id)
           AND NOT EXISTS (SELECT FROM ledger.large_accounts l WHERE l.account_id IN (d.account_id, c.account_id))
           AND value_date > coalesce((SELECT max(p.through) FROM ledger.periods p), '-infinity')
      INTO d_id, d_floor, d_normal, c_id, c_floor, c_normal, simple
      FROM ledger.accounts d, ledger.accounts c
     WHERE d.account = debited AND d.currency = post_one.currency
       AND c.account = credited AND c.currency = post_one.currency;
    IF simple IS NOT TRUE THEN
        RETURN false;
    END IF;
    IF d_floor AND c_floor THEN
        PERFORM FROM ledger.balances b WHERE b.account_id IN (d_id, c_id) ORDER BY b.account_id FOR NO KEY UPDATE;
    END IF;
    IF d_floor THEN
        UPDATE ledger.balances b SET version = b.version + 1, debits_posted = b.debits_posted + amount
         WHERE b.account_id = d_id
           AND CASE WHEN greatest(b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending) > most
                    THEN false
                    ELSE d_normal = 'debit'
                         OR b.credits_posted - b.debits_posted - amount - b.debits_pending >= -b.credit_limit_minor END
     RETURNING b.version INTO d_version;
        simple := FOUND;
    END IF;
    IF c_floor AND simple THEN
        UPDATE ledger.balances b SET version = b.version + 1, credits_posted = b.credits_posted + amount
         WHERE b.account_id = c_id
           AND CASE WHEN greatest(b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending) > most
                    THEN false
                    ELSE c_normal = 'credit'
                         OR b.debits_posted - b.credits_posted - amount - b.credits_pending >= -b.credit_limit_minor END
     RETURNING b.version INTO c_version;
        simple := FOUND;
    END IF;
    IF simple THEN
        place := nextval('ledger.positions');
        INSERT INTO ledger.requests (position, occurred_at, recorded_at, value_date, original_date, template_version,
                                     transfer_count, act, flow, entry_id, reason, digest, correlation)
        VALUES (place, occurred, recorded, value_date, original_date, template_version, 1, 'post', flow, entry_id, '',
                ledger.body_digest('post', NULL, NULL, NULL, flow, value_date, original_date, occurred, correlation, '',
                                   debited || E'\t' || credited || E'\t' || currency || E'\t' || amount || E'\n'),
                correlation)
            ON CONFLICT ON CONSTRAINT requests_entry_id_key DO NOTHING;
        simple := FOUND;  -- unless another writer recorded the id meanwhile
    END IF;
    IF NOT simple THEN
        UPDATE ledger.balances b SET version = b.version - 1, debits_posted = b.debits_posted - amount
         WHERE b.account_id = d_id AND d_version IS NOT NULL;
        UPDATE ledger.balances b SET version = b.version - 1, credits_posted = b.credits_posted - amount
         WHERE b.account_id = c_id AND c_version IS NOT NULL;
        RETURN false;
    END IF;
    INSERT INTO ledger.transfers (position, amount_minor, debit, credit, debit_version, credit_version, number, pending)
    VALUES (place, amount, d_id, c_id, d_version, c_version, 1, false);
    RETURN true;
END
$$;
ALTER FUNCTION ledger.post_one OWNER TO tranche_poster;
REVOKE EXECUTE ON FUNCTION ledger.post_one FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.post_one TO tranche_application;
