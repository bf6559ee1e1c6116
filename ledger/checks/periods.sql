-- A period with a closing entry is closed, and no journal was posted into it afterwards.
SELECT 'period', e.entry_id, format('moves the result of a period through %s, which was never closed', e.value_date)
  FROM ledger.entries e
 WHERE e.flow = 'F44' AND e.act = 'post' AND NOT EXISTS (SELECT FROM ledger.periods p WHERE p.through = e.value_date)
UNION ALL
SELECT 'period', e.entry_id, format('is valued %s and came after the period through %s was closed', e.value_date,
                                    c.value_date)
  FROM (SELECT DISTINCT ON (value_date) value_date, txid FROM ledger.entries WHERE flow = 'F44' AND act = 'post'
         ORDER BY value_date, txid) c
  JOIN ledger.entries e ON e.value_date <= c.value_date AND e.txid > c.txid AND e.flow <> 'F44' AND e.act <> 'hold'
