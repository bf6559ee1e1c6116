-- Every account is on the chart, matches its line there, and was used. The audit passes the chart as a setting.
-- Counting the letters of a name makes matching its form some fifty times slower, so `shape` is the form without its
-- bound, and the form itself is matched only where an account is long enough for a name to pass that bound.
WITH chart AS (
    SELECT * FROM json_to_recordset(current_setting('tranche.chart')::json)
        AS c (pattern text, form text, shape text, name_length integer, kind text, normal text, floor boolean,
              pending_only boolean)
)
SELECT 'account', a.account,
       CASE WHEN c.pattern IS NULL THEN format('its form %s is not on the chart', a.pattern)
            WHEN f.misnamed THEN format('is not of its form %s', a.pattern)
            ELSE format('is %s %s with %s, the chart says %s %s with %s', a.kind, a.normal, f.says, c.kind, c.normal,
                        f.should) END
  FROM ledger.accounts a
  LEFT JOIN chart c USING (pattern)
 CROSS JOIN LATERAL (SELECT CASE WHEN a.floor THEN 'a floor' ELSE 'no floor' END AS says,
                            CASE WHEN c.floor THEN 'a floor' ELSE 'no floor' END AS should,
                            a.account !~ c.shape OR (length(a.account) > c.name_length AND a.account !~ c.form)
                                AS misnamed) f
 WHERE c.pattern IS NULL OR f.misnamed OR (a.kind, a.normal, a.floor) <> (c.kind, c.normal, c.floor)
UNION ALL
SELECT DISTINCT 'account', format('account %s', u.account_id), 'has entries and was never opened'
  FROM (SELECT t.debit AS account_id FROM ledger.transfers t
         WHERE NOT EXISTS (SELECT FROM ledger.accounts a WHERE a.account_id = t.debit)
         UNION ALL
        SELECT t.credit FROM ledger.transfers t
         WHERE NOT EXISTS (SELECT FROM ledger.accounts a WHERE a.account_id = t.credit)) u
UNION ALL
SELECT 'account', a.account, format('was opened in %s and has no entry', a.currency)
  FROM ledger.accounts a
 WHERE NOT EXISTS (SELECT FROM ledger.transfers t WHERE t.debit = a.account_id)
   AND NOT EXISTS (SELECT FROM ledger.transfers t WHERE t.credit = a.account_id)
UNION ALL
SELECT 'account', a.account, format('%s has a balance row and no entry', a.currency)
  FROM ledger.balances b JOIN ledger.accounts a USING (account_id) WHERE NOT a.floor
UNION ALL
SELECT 'currency', r.entry_id, format('transfer %s is from %s of %s to %s of %s', t.number, d.account, d.currency,
                                      c.account, c.currency)
  FROM ledger.transfers t
  JOIN ledger.accounts d ON d.account_id = t.debit
  JOIN ledger.accounts c ON c.account_id = t.credit
  LEFT JOIN ledger.requests r USING (position)
 WHERE d.currency <> c.currency
UNION ALL
-- an account that only holds amounts is left at zero by each entry
SELECT 'limit', m.account, format('%s leaves a posted balance of %s, and it may only hold amounts', r.entry_id, m.net)
  FROM (SELECT s.position, a.account, sum(s.minor) AS net
          FROM chart c
          JOIN ledger.accounts a USING (pattern)
         CROSS JOIN LATERAL (
            SELECT t.position, t.amount_minor AS minor FROM ledger.transfers t
             WHERE t.debit = a.account_id AND NOT t.pending
             UNION ALL
            SELECT t.position, -t.amount_minor FROM ledger.transfers t
             WHERE t.credit = a.account_id AND NOT t.pending) s
         WHERE c.pending_only GROUP BY s.position, a.account, a.currency HAVING sum(s.minor) <> 0) m
  LEFT JOIN ledger.requests r USING (position)
