-- Look up accounts, then lock what a batch needs: the entries it refers to and its accounts with a floor, each in one
-- order everywhere, so that no two writers wait for each other; and say how everything stands under the locks.
-- Unless `openings`, nothing is locked when an account with a floor has to be opened: that needs a savepoint first.
-- It reaches rows by their keys alone. Its plans are kept for a session, and one made for a batch of thousands would read
-- whole tables for every single entry after it: hence the settings.
CREATE OR REPLACE FUNCTION ledger.prepare(
    names text[], currencies text[], floors boolean[], entry_ids text[], targets bigint[], openings boolean,
    OUT account_ids integer[], OUT locked_ids integer[], OUT versions integer[],
    OUT debits_posted bigint[], OUT credits_posted bigint[], OUT debits_pending bigint[], OUT credits_pending bigint[],
    OUT known text[], OUT closed_through date, OUT large_ids integer[],
    OUT held_positions bigint[], OUT held_numbers smallint[], OUT held_minor bigint[],
    OUT resolved_positions bigint[], OUT resolved_acts text[], OUT resolved_ids text[], OUT opens boolean,
    OUT credit_limits bigint[]
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    -- The transaction has its id before it reads a closed date or draws a position: who closes a period or seals can
    -- tell by the ids of running transactions whom to wait for.
    PERFORM pg_current_xact_id();
    SELECT array_agg(a.account_id ORDER BY w.ordinality), coalesce(bool_or(a.account_id IS NULL AND w.floor), false)
      INTO account_ids, opens
      FROM unnest(names, currencies, floors) WITH ORDINALITY AS w (account, currency, floor)
      LEFT JOIN ledger.accounts a ON a.account = w.account AND a.currency = w.currency;
    IF opens AND NOT openings THEN
        RETURN;
    END IF;
    IF cardinality(targets) > 0 THEN
        PERFORM FROM ledger.requests r WHERE r.position = ANY (targets) ORDER BY r.position FOR NO KEY UPDATE;
    END IF;
    SELECT array_agg(l.account_id), array_agg(l.version), array_agg(l.debits_posted), array_agg(l.credits_posted),
           array_agg(l.debits_pending), array_agg(l.credits_pending), array_agg(l.credit_limit_minor)
      INTO locked_ids, versions, debits_posted, credits_posted, debits_pending, credits_pending, credit_limits
      FROM (SELECT b.account_id, b.version, b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending,
                   b.credit_limit_minor
              FROM ledger.balances b WHERE b.account_id = ANY (account_ids)
             ORDER BY b.account_id FOR NO KEY UPDATE) l;
    SELECT array_agg(r.entry_id) INTO known FROM ledger.requests r WHERE r.entry_id = ANY (entry_ids);
    SELECT max(p.through) INTO closed_through FROM ledger.periods p;
    SELECT array_agg(l.account_id) INTO large_ids FROM ledger.large_accounts l WHERE l.account_id = ANY (account_ids);
    IF cardinality(targets) > 0 THEN
        SELECT array_agg(o.hold_position), array_agg(o.number), array_agg(o.remaining_minor)
          INTO held_positions, held_numbers, held_minor
          FROM ledger.open_holds o WHERE o.hold_position = ANY (targets);
        SELECT array_agg(r.refers_to), array_agg(r.act), array_agg(r.entry_id)
          INTO resolved_positions, resolved_acts, resolved_ids
          FROM ledger.requests r
         WHERE r.refers_to = ANY (targets) AND r.act IN ('void', 'reverse')
           AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.prepare FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.prepare TO tranche_application;
