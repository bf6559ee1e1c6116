-- Each transfer gives an account with a floor its next version, from 1 without a gap; other accounts have no versions.
WITH sides AS (
    SELECT t.position, t.number, t.debit AS account_id, t.debit_version AS version FROM ledger.transfers t
    UNION ALL
    SELECT t.position, t.number, t.credit, t.credit_version FROM ledger.transfers t
), suspects AS (
    SELECT s.account_id FROM sides s LEFT JOIN ledger.accounts a USING (account_id)
     GROUP BY s.account_id, a.floor
    HAVING CASE WHEN a.floor THEN count(*) <> count(s.version) OR min(s.version) <> 1 OR max(s.version) <> count(*)
                                  OR sum(s.version::bigint * s.version) <> count(*) * (count(*) + 1) * (2 * count(*) + 1) / 6
                ELSE count(s.version) > 0 END
), numbered AS (
    SELECT s.*, a.account, a.floor, lag(s.version, 1, 0) OVER (PARTITION BY s.account_id ORDER BY s.version) AS previous
      FROM sides s JOIN suspects USING (account_id) LEFT JOIN ledger.accounts a USING (account_id)
)
SELECT 'version', coalesce(r.entry_id, format('position %s', n.position)),
       CASE WHEN NOT n.floor THEN format('transfer %s gives %s a version, which has none', n.number, n.account)
            WHEN n.version IS NULL THEN format('transfer %s gives %s no version', n.number, n.account)
            ELSE format('transfer %s gives %s version %s after %s', n.number, n.account, n.version, n.previous) END
  FROM numbered n LEFT JOIN ledger.requests r USING (position)
 WHERE CASE WHEN n.floor THEN n.version IS DISTINCT FROM n.previous + 1 ELSE n.version IS NOT NULL END
