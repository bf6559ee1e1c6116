-- An entry's transfers come all at once, and the balances follow them. Accounts with a floor are locked by whoever
-- writes; their versions rise without a gap, or the row to update is not found.
-- Its settings are there for the reason that `prepare` gives.
CREATE OR REPLACE FUNCTION ledger.apply_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    closed date := (SELECT max(p.through) FROM ledger.periods p);
    fault text;
    stale bigint;
BEGIN
    SELECT format('entry %s: %s of its %s transfers, numbered from %s to %s', coalesce(r.entry_id, e.position::text),
                  e.found, coalesce(r.transfer_count, 0), e.lowest, e.highest)
      INTO fault
      FROM (SELECT a.position, count(*) AS found, min(a.number) AS lowest, max(a.number) AS highest,
                   bool_and(a.pending) AS pending, bool_or(a.pending) AS partly
              FROM added a GROUP BY a.position) e
      LEFT JOIN ledger.requests r ON r.position = e.position
     WHERE r.position IS NULL OR e.found <> r.transfer_count OR e.lowest <> 1 OR e.highest <> e.found
        OR e.pending <> (r.act = 'hold') OR e.partly <> e.pending
        OR (r.value_date <= closed AND r.flow <> 'F44')
        OR EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)
     LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'a whole entry that was asked for, was not refused and is in an open period, not %', fault
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM added t
                 LEFT JOIN ledger.accounts d ON d.account_id = t.debit
                 LEFT JOIN ledger.accounts c ON c.account_id = t.credit
                WHERE d.currency IS DISTINCT FROM c.currency OR d.currency IS NULL) THEN
        RAISE EXCEPTION 'a transfer is between two accounts of one currency'
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    WITH moved AS MATERIALIZED (
        SELECT s.account_id, count(*)::integer AS sides, count(s.version) AS versioned,
               min(s.version) AS lowest, max(s.version) AS highest,
               coalesce(sum(s.amount_minor) FILTER (WHERE s.debit AND NOT s.pending), 0)::bigint AS debits_posted,
               coalesce(sum(s.amount_minor) FILTER (WHERE NOT s.debit AND NOT s.pending), 0)::bigint AS credits_posted,
               coalesce(sum(s.amount_minor) FILTER (WHERE s.debit AND s.pending), 0)::bigint AS debits_pending,
               coalesce(sum(s.amount_minor) FILTER (WHERE NOT s.debit AND s.pending), 0)::bigint AS credits_pending
          FROM (SELECT debit AS account_id, debit_version AS version, true AS debit, pending, amount_minor FROM added
                UNION ALL
                SELECT credit, credit_version, false, pending, amount_minor FROM added) s
         GROUP BY s.account_id
    ), changed AS (
        UPDATE ledger.balances b
           SET version = m.highest,
               debits_posted = b.debits_posted + m.debits_posted, credits_posted = b.credits_posted + m.credits_posted,
               debits_pending = b.debits_pending + m.debits_pending,
               credits_pending = b.credits_pending + m.credits_pending
          FROM moved m
         WHERE b.account_id = m.account_id AND b.version = m.lowest - 1 AND m.lowest > 1
     RETURNING b.account_id
    ), opened AS (
        INSERT INTO ledger.balances (account_id, version, debits_posted, credits_posted, debits_pending,
                                     credits_pending, floor)
        SELECT m.account_id, m.highest, m.debits_posted, m.credits_posted, m.debits_pending, m.credits_pending, a.normal
          FROM moved m JOIN ledger.accounts a ON a.account_id = m.account_id
         WHERE m.lowest = 1 AND a.floor
     RETURNING account_id
    )
    SELECT count(*) INTO stale
      FROM moved m JOIN ledger.accounts a ON a.account_id = m.account_id
     WHERE CASE WHEN a.floor
                THEN m.versioned <> m.sides OR m.highest <> m.lowest + m.sides - 1
                     OR (m.lowest > 1 AND m.account_id NOT IN (SELECT c.account_id FROM changed c))
                ELSE m.versioned > 0 END;
    IF stale > 0 THEN
        RAISE EXCEPTION 'the versions of % accounts do not continue theirs', stale
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM added WHERE amount_minor >= 1000000000000) THEN
        INSERT INTO ledger.large_accounts (account_id)
        SELECT DISTINCT a.account_id
          FROM added t JOIN ledger.accounts a ON a.account_id IN (t.debit, t.credit)
         WHERE t.amount_minor >= 1000000000000 AND NOT a.floor
         ORDER BY a.account_id
            ON CONFLICT DO NOTHING;
    END IF;
    IF EXISTS (SELECT FROM added WHERE pending) THEN
        INSERT INTO ledger.open_holds (hold_position, remaining_minor, expires_at, debit, credit, number)
        SELECT t.position, t.amount_minor, r.expires_at, t.debit, t.credit, t.number
          FROM added t JOIN ledger.requests r ON r.position = t.position WHERE t.pending;
    END IF;
    RETURN NULL;
END
$$;
