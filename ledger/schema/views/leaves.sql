-- The hash of each request: every column of it, of its transfers, of its refusal and of what it did to a hold. The binary
-- form of a row says where each value begins and ends, and depends on no setting but the client's encoding.
CREATE OR REPLACE VIEW ledger.leaves AS
    SELECT r.position, r.txid, r.entry_id, r.value_date, r.recorded_at, t.transfers,
           sha256(record_send(ROW(
               r.position, r.txid, r.entry_id, r.act, r.flow, r.template_version, r.value_date, r.original_date,
               r.occurred_at, r.recorded_at, r.expires_at, r.refers_to, r.corrects, r.reason, r.correlation,
               r.transfer_count, r.digest, f.reasons, t.body,
               CASE WHEN r.act IN ('post_hold', 'void') THEN (
                   SELECT string_agg(record_send(ROW(e.hold_position, e.number, e.event, e.amount_minor)), ''
                                     ORDER BY e.hold_position, e.number)
                     FROM ledger.hold_events e WHERE e.resolver = r.position
               ) END
           ))) AS leaf
      FROM ledger.requests r
      LEFT JOIN ledger.refusals f ON f.position = r.position
     CROSS JOIN LATERAL (
        SELECT count(*)::integer AS transfers,
               string_agg(record_send(ROW(t.number, t.debit, t.credit, t.amount_minor, t.pending,
                                          t.debit_version, t.credit_version)), '' ORDER BY t.number) AS body
          FROM ledger.transfers t WHERE t.position = r.position
     ) t;
GRANT SELECT ON ledger.leaves TO tranche_application;
