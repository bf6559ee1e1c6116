-- What is left of a held transfer shrinks with every event, and the pending balances with it.
-- Its settings are there for the reason that `prepare` gives.
CREATE OR REPLACE FUNCTION ledger.apply_hold_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    taken bigint;
BEGIN
    WITH released AS (
        SELECT a.hold_position, a.number, sum(a.amount_minor)::bigint AS minor
          FROM added a GROUP BY a.hold_position, a.number
    ), reduced AS (
        UPDATE ledger.open_holds o SET remaining_minor = o.remaining_minor - r.minor
          FROM released r WHERE o.hold_position = r.hold_position AND o.number = r.number
     RETURNING o.debit, o.credit, r.minor
    ), sides AS (
        SELECT s.account_id, sum(s.minor) FILTER (WHERE s.debit) AS debits, sum(s.minor) FILTER (WHERE NOT s.debit)
               AS credits
          FROM (SELECT debit AS account_id, true AS debit, minor FROM reduced
                UNION ALL SELECT credit, false, minor FROM reduced) s
         GROUP BY s.account_id
    ), changed AS (
        UPDATE ledger.balances b
           SET debits_pending = b.debits_pending - coalesce(s.debits, 0)::bigint,
               credits_pending = b.credits_pending - coalesce(s.credits, 0)::bigint
          FROM sides s WHERE b.account_id = s.account_id
    )
    SELECT (SELECT count(*) FROM released) - (SELECT count(*) FROM reduced) INTO taken;
    IF taken <> 0 THEN
        RAISE EXCEPTION '% transfers are not held, or nothing of them is left', taken
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    DELETE FROM ledger.open_holds o
     USING added a WHERE o.hold_position = a.hold_position AND o.number = a.number AND o.remaining_minor = 0;
    RETURN NULL;
END
$$;
