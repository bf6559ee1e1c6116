-- As ledger.balances must be, from the journal and the last credit limits: the checker compares the two, a rebuild copies
-- it over.
CREATE OR REPLACE VIEW ledger.derived_balances AS
    WITH sides AS (
        SELECT t.debit AS account_id, 1 AS side, CASE WHEN t.pending THEN 0 ELSE t.amount_minor END AS debits_posted,
               0 AS credits_posted, CASE WHEN t.pending THEN t.amount_minor ELSE 0 END AS debits_pending,
               0 AS credits_pending
          FROM ledger.transfers t
         UNION ALL
        SELECT t.credit, 1, 0, CASE WHEN t.pending THEN 0 ELSE t.amount_minor END, 0,
               CASE WHEN t.pending THEN t.amount_minor ELSE 0 END
          FROM ledger.transfers t
         UNION ALL
        SELECT s.account_id, 0, 0, 0, s.debit, s.credit
          FROM ledger.hold_events e
          JOIN ledger.transfers t ON t.position = e.hold_position AND t.number = e.number
         CROSS JOIN LATERAL (VALUES (t.debit, -e.amount_minor, 0), (t.credit, 0, -e.amount_minor))
               AS s (account_id, debit, credit)
    )
    SELECT a.account_id, sum(s.side)::integer AS version, sum(s.debits_posted)::bigint AS debits_posted,
           sum(s.credits_posted)::bigint AS credits_posted, sum(s.debits_pending)::bigint AS debits_pending,
           sum(s.credits_pending)::bigint AS credits_pending, a.normal AS floor,
           coalesce((SELECT l.limit_minor FROM ledger.credit_limits l WHERE l.account_id = a.account_id
                      ORDER BY l.number DESC LIMIT 1), 0) AS credit_limit_minor
      FROM sides s JOIN ledger.accounts a USING (account_id)
     WHERE a.floor
     GROUP BY a.account_id;
GRANT SELECT ON ledger.derived_balances TO tranche_application;
