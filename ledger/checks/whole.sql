-- A request has all its transfers in order, pending if it is a hold; a refused request has none.
WITH found AS (
    SELECT t.position, count(*) AS transfers, min(t.number) AS lowest, max(t.number) AS highest,
           bool_or(t.pending) AS any_pending, bool_and(t.pending) AS all_pending
      FROM ledger.transfers t GROUP BY t.position
)
SELECT 'whole', r.entry_id,
       CASE WHEN f.position IS NOT NULL THEN format('is refused and has %s transfers', found.transfers)
            WHEN coalesce(found.transfers, 0) <> r.transfer_count
            THEN format('has %s of its %s transfers', coalesce(found.transfers, 0), r.transfer_count)
            WHEN found.lowest <> 1 OR found.highest <> found.transfers THEN 'its transfers are not numbered one by one'
            ELSE format('is a %s with %s transfers', r.act, CASE WHEN found.any_pending THEN 'held' ELSE 'posted' END)
       END
  FROM ledger.requests r
  LEFT JOIN found USING (position)
  LEFT JOIN ledger.refusals f USING (position)
 WHERE CASE WHEN f.position IS NOT NULL THEN found.position IS NOT NULL
            WHEN found.position IS NULL THEN r.transfer_count <> 0
            ELSE found.transfers <> r.transfer_count OR found.lowest <> 1 OR found.highest <> found.transfers
                 OR found.any_pending <> (r.act = 'hold') OR found.all_pending <> found.any_pending
       END
UNION ALL
SELECT 'whole', format('position %s', found.position), format('has %s transfers and no request', found.transfers)
  FROM found WHERE NOT EXISTS (SELECT FROM ledger.requests r WHERE r.position = found.position)
UNION ALL
SELECT 'whole', format('position %s', f.position), 'has a refusal and no request'
  FROM ledger.refusals f WHERE NOT EXISTS (SELECT FROM ledger.requests r WHERE r.position = f.position)
