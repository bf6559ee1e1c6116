-- The content of an entry matches the digest written with it.
SELECT 'content' AS "check", r.entry_id AS "where", 'is not what was recorded under its digest' AS detail
  FROM ledger.requests r
  LEFT JOIN ledger.requests referred ON referred.position = r.refers_to
  LEFT JOIN ledger.requests corrected ON corrected.position = r.corrects
  LEFT JOIN (
    SELECT t.position, string_agg(d.account || E'\t' || c.account || E'\t' || d.currency || E'\t' || t.amount_minor
                                  || E'\n', '' ORDER BY t.number) AS body
      FROM ledger.transfers t
      LEFT JOIN ledger.accounts d ON d.account_id = t.debit
      LEFT JOIN ledger.accounts c ON c.account_id = t.credit
     GROUP BY t.position
 ) t ON t.position = r.position
 WHERE NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)  -- what it asked for is in its seal
   AND r.digest IS DISTINCT FROM ledger.body_digest(
           r.act, referred.entry_id, corrected.entry_id, r.expires_at, r.flow, r.value_date, r.original_date,
           r.occurred_at, r.correlation, r.reason, coalesce(t.body, ''))
