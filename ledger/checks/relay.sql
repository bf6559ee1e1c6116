-- The relay has a position in both logs, and neither is published beyond its last entry.
SELECT 'relay', l.log, coalesce(format('is published up to %s, and only %s were drawn', r.position, l.drawn),
                                'has no position up to which it is published')
  FROM (SELECT 'outbox' AS log, last_value AS drawn FROM ledger.outbox_position_seq
         UNION ALL SELECT 'journal', last_value FROM ledger.positions) l
  LEFT JOIN ledger.relay_positions r USING (log)
 WHERE r.position IS NULL OR r.position > l.drawn
