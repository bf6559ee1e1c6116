-- Every key with its principal. A key ends at the earliest of its expiry and the ends it was given; null is never.
CREATE OR REPLACE VIEW ledger.known_keys AS
SELECT p.principal_id, p.role, p.added_at, p.expires_at, r.revoked_at, p.merchant_id,
       k.key_id, k.number, k.key_hash, k.made_at,
       least(k.expires_at, (SELECT min(e.ends_at) FROM ledger.key_ends e WHERE e.key_id = k.key_id)) AS ends_at
  FROM ledger.principal_keys k
  JOIN ledger.principals p USING (principal_id)
  LEFT JOIN ledger.principal_revocations r USING (principal_id);

GRANT SELECT ON ledger.known_keys TO tranche_application;
