-- Who added which principal, made which key, and ended which of them: one row for each, from the rows themselves.
CREATE OR REPLACE VIEW ledger.identity_changes AS
SELECT added_at AS changed_at, 'principal added' AS change, principal_id, NULL AS key_id, added_by AS changed_by,
       reason, NULL::timestamptz AS ends_at
  FROM ledger.principals
 UNION ALL
SELECT revoked_at, 'principal revoked', principal_id, NULL, revoked_by, reason, revoked_at
  FROM ledger.principal_revocations
 UNION ALL
SELECT made_at, 'key made', principal_id, key_id, made_by, reason, expires_at FROM ledger.principal_keys
 UNION ALL
SELECT e.set_at, 'key ended', k.principal_id, k.key_id, e.ended_by, e.reason, e.ends_at
  FROM ledger.key_ends e JOIN ledger.principal_keys k USING (key_id);

GRANT SELECT ON ledger.identity_changes TO tranche_application;
