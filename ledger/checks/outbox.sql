-- A fact of the outbox is as it was written.
SELECT 'outbox', o.event_id, 'is not what was written under its digest'
  FROM ledger.outbox o WHERE o.digest IS DISTINCT FROM ledger.outbox_digest(o)
