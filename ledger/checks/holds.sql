-- A hold is posted or voided by a request of that kind, by no more than was held and than the request posts; a voided
-- hold has no remainder.
WITH events AS (
    SELECT e.*, h.entry_id AS hold_id, t.amount_minor AS held_minor, t.debit, t.credit, r.entry_id, r.act, r.refers_to,
           sum(e.amount_minor) OVER (PARTITION BY e.hold_position, e.number) AS taken
      FROM ledger.hold_events e
      LEFT JOIN ledger.requests h ON h.position = e.hold_position AND h.act = 'hold'
      LEFT JOIN ledger.transfers t ON t.position = e.hold_position AND t.number = e.number AND t.pending
      LEFT JOIN ledger.requests r ON r.position = e.resolver
           AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = e.resolver)
)
SELECT 'hold', coalesce(e.hold_id, format('position %s', e.hold_position)),
       CASE WHEN e.hold_id IS NULL OR e.held_minor IS NULL THEN format('transfer %s was never held', e.number)
            WHEN e.entry_id IS NULL THEN format('transfer %s is %s by a request that was never taken', e.number, e.event)
            WHEN e.taken > e.held_minor
            THEN format('transfer %s is posted or voided by %s too much', e.number, e.taken - e.held_minor)
            ELSE format('is said to be %s by %s, which is not so', e.event, e.entry_id) END
  FROM events e
 WHERE e.hold_id IS NULL OR e.held_minor IS NULL OR e.entry_id IS NULL OR e.taken > e.held_minor
    OR e.refers_to IS DISTINCT FROM e.hold_position OR e.act <> CASE e.event WHEN 'posted' THEN 'post_hold' ELSE 'void' END
UNION ALL
SELECT 'hold', m.entry_id, format('posts %s from %s to %s and takes %s off its hold', coalesce(p.minor, 0), d.account,
                                  c.account, m.minor)
  FROM (SELECT e.resolver, e.entry_id, e.debit, e.credit, sum(e.amount_minor) AS minor
          FROM events e WHERE e.event = 'posted' AND e.entry_id IS NOT NULL
         GROUP BY e.resolver, e.entry_id, e.debit, e.credit) m
 CROSS JOIN LATERAL (SELECT sum(t.amount_minor) AS minor FROM ledger.transfers t
                      WHERE t.position = m.resolver AND t.debit = m.debit AND t.credit = m.credit) p
  LEFT JOIN ledger.accounts d ON d.account_id = m.debit
  LEFT JOIN ledger.accounts c ON c.account_id = m.credit
 WHERE m.minor IS DISTINCT FROM p.minor
UNION ALL
-- a request that posts or voids a hold reduces it, and a void leaves no remainder
SELECT 'hold', r.entry_id, 'takes nothing off the hold that it names'
  FROM ledger.requests r
 WHERE r.act IN ('post_hold', 'void')
   AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)
   AND NOT EXISTS (SELECT FROM ledger.hold_events e WHERE e.resolver = r.position)
UNION ALL
SELECT 'hold', h.entry_id, format('was voided, and %s of its transfer %s is left', l.remaining, l.number)
  FROM (SELECT t.position, t.number, t.amount_minor - coalesce(sum(e.amount_minor), 0) AS remaining
          FROM ledger.transfers t
          LEFT JOIN ledger.hold_events e ON e.hold_position = t.position AND e.number = t.number
         WHERE t.pending GROUP BY t.position, t.number) l
  JOIN ledger.requests h ON h.position = l.position
 WHERE l.remaining > 0 AND EXISTS (SELECT FROM ledger.hold_events v WHERE v.hold_position = l.position AND v.event = 'voided')
