-- Every fact in the outbox matches the digest written with it.
SELECT 'outbox', o.event_id, 'is not what was written under its digest'
  FROM ledger.outbox o WHERE o.digest IS DISTINCT FROM ledger.outbox_digest(o)
