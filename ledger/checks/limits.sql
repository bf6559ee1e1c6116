-- No account with a floor is below it by more than its credit limit, holds included; limits are numbered without a gap;
-- and the balances of all accounts sum to zero in each currency.
SELECT 'limit', a.account, format('%s is %s minor units below zero, its credit limit is %s', a.currency, -f.free,
                                    b.credit_limit_minor)
  FROM ledger.balances b
  JOIN ledger.accounts a USING (account_id)
 CROSS JOIN LATERAL (
    SELECT CASE a.normal WHEN 'debit' THEN b.debits_posted::numeric - b.credits_posted - b.credits_pending
                         ELSE b.credits_posted::numeric - b.debits_posted - b.debits_pending END AS free
 ) f
 WHERE f.free < -b.credit_limit_minor::numeric
UNION ALL
SELECT 'limit', a.account, format('its floor is on the %s side, its normal side is %s', b.floor, a.normal)
  FROM ledger.balances b JOIN ledger.accounts a USING (account_id) WHERE b.floor <> a.normal
UNION ALL
SELECT 'limit', coalesce(a.account, format('account %s', l.account_id)),
       CASE WHEN min(b.account_id) IS NULL THEN 'has a credit limit and no balance with a floor'
            ELSE format('of its %s credit limits, only %s are there', max(l.number), count(*)) END
  FROM ledger.credit_limits l
  LEFT JOIN ledger.accounts a USING (account_id)
  LEFT JOIN ledger.balances b USING (account_id)
 GROUP BY l.account_id, a.account HAVING min(b.account_id) IS NULL OR max(l.number) <> count(*)
UNION ALL
SELECT 'trial balance', a.currency, format('sealed debits exceed sealed credits by %s minor units',
                                           sum(t.debits) - sum(t.credits))
  FROM ledger.account_days t JOIN ledger.accounts a USING (account_id)
 GROUP BY a.currency HAVING sum(t.debits) <> sum(t.credits)
