-- No account with a floor is below it, holds counted; and what accounts hold adds up to nothing in each currency.
SELECT 'limit', a.account, format('%s is %s minor units below zero', a.currency, -f.free)
  FROM ledger.balances b
  JOIN ledger.accounts a USING (account_id)
 CROSS JOIN LATERAL (
    SELECT CASE a.normal WHEN 'debit' THEN b.debits_posted::numeric - b.credits_posted - b.credits_pending
                         ELSE b.credits_posted::numeric - b.debits_posted - b.debits_pending END AS free
 ) f
 WHERE f.free < 0
UNION ALL
SELECT 'limit', a.account, format('its floor is on the %s side, its normal side is %s', b.floor, a.normal)
  FROM ledger.balances b JOIN ledger.accounts a USING (account_id) WHERE b.floor <> a.normal
UNION ALL
SELECT 'trial balance', a.currency, format('sealed debits exceed sealed credits by %s minor units',
                                           sum(t.debits) - sum(t.credits))
  FROM ledger.account_days t JOIN ledger.accounts a USING (account_id)
 GROUP BY a.currency HAVING sum(t.debits) <> sum(t.credits)
