-- Rows that belong to no entry match the digests written with them.
SELECT 'period', p.through::text, 'is not what was announced'
  FROM ledger.periods p WHERE p.digest IS DISTINCT FROM ledger.row_digest(to_jsonb(p))
UNION ALL
SELECT 'free form', 'FREE:' || p.proposal_id, 'is not what was proposed'
  FROM ledger.proposals p WHERE p.digest IS DISTINCT FROM ledger.row_digest(to_jsonb(p))
UNION ALL
SELECT 'free form', 'FREE:' || a.proposal_id, 'is not what was approved'
  FROM ledger.approvals a WHERE a.digest IS DISTINCT FROM ledger.row_digest(to_jsonb(a))
UNION ALL
SELECT 'limit', coalesce(a.account, format('account %s', l.account_id)), format('its credit limit %s is not what was set', l.number)
  FROM ledger.credit_limits l LEFT JOIN ledger.accounts a USING (account_id)
 WHERE l.digest IS DISTINCT FROM ledger.row_digest(to_jsonb(l))
