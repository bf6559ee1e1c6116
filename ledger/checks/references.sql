-- A reversal mirrors one entry exactly and once; a correcting entry comes after its reversal, in the same flow.
WITH taken AS (
    SELECT r.* FROM ledger.requests r
     WHERE (r.act IN ('reverse', 'post_hold', 'void') OR r.corrects IS NOT NULL)
       AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)
)
SELECT 'reversal', r.entry_id,
       CASE WHEN o.position IS NULL THEN 'reverses an entry that is not there'
            WHEN o.act IN ('reverse', 'hold', 'void') THEN format('reverses %s, which is a %s', o.entry_id, o.act)
            WHEN count(*) OVER (PARTITION BY r.refers_to) > 1 THEN format('reverses %s, and not alone', o.entry_id)
            ELSE format('does not mirror %s', o.entry_id) END AS detail
  FROM taken r
  LEFT JOIN ledger.requests o ON o.position = r.refers_to
 WHERE r.act = 'reverse'
   AND (o.position IS NULL OR o.act IN ('reverse', 'hold', 'void')
        OR EXISTS (SELECT FROM taken other
                    WHERE other.act = 'reverse' AND other.refers_to = r.refers_to AND other.position <> r.position)
        OR EXISTS (SELECT FROM (SELECT number, debit, credit, amount_minor FROM ledger.transfers
                                 WHERE position = r.position) m
                     FULL JOIN (SELECT number, debit, credit, amount_minor FROM ledger.transfers
                                 WHERE position = r.refers_to) o USING (number)
                    WHERE (m.debit, m.credit, m.amount_minor) IS DISTINCT FROM (o.credit, o.debit, o.amount_minor)))
UNION ALL
SELECT 'correction', r.entry_id,
       CASE WHEN o.position IS NULL THEN 'corrects an entry that is not there'
            WHEN o.flow <> r.flow THEN format('is a %s and corrects %s, a %s', r.flow, o.entry_id, o.flow)
            ELSE format('corrects %s, which is not reversed', o.entry_id) END
  FROM taken r
  LEFT JOIN ledger.requests o ON o.position = r.corrects
 WHERE r.corrects IS NOT NULL
   AND (o.position IS NULL OR o.flow <> r.flow
        OR NOT EXISTS (SELECT FROM taken v WHERE v.act = 'reverse' AND v.refers_to = r.corrects))
UNION ALL
SELECT 'hold', r.entry_id, 'posts or voids a hold that is not there'
  FROM taken r
 WHERE r.act IN ('post_hold', 'void')
   AND NOT EXISTS (SELECT FROM ledger.requests h WHERE h.position = r.refers_to AND h.act = 'hold')
