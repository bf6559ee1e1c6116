-- As ledger.seal_totals must be, from the journal and the seals: the checker compares the two, a rebuild copies it over.
CREATE OR REPLACE VIEW ledger.derived_seal_totals AS
    WITH placed AS MATERIALIZED (
        SELECT r.position, r.value_date, s.seal_no
          FROM ledger.requests r
         CROSS JOIN LATERAL (
            SELECT s.seal_no FROM ledger.seals s
             WHERE (s.last_txid, s.last_position) >= (r.txid, r.position)
             ORDER BY s.last_txid, s.last_position LIMIT 1
         ) s
    ), summed AS (
        SELECT s.account_id, p.seal_no, p.value_date, count(*)::integer AS postings, sum(s.debit)::bigint AS debits,
               sum(s.credit)::bigint AS credits
          FROM (SELECT t.position, t.debit AS account_id, t.amount_minor AS debit, 0 AS credit
                  FROM ledger.transfers t WHERE NOT t.pending
                 UNION ALL
                SELECT t.position, t.credit, 0, t.amount_minor FROM ledger.transfers t WHERE NOT t.pending) s
          JOIN placed p USING (position)
         GROUP BY s.account_id, p.seal_no, p.value_date
    )
    SELECT account_id, seal_no, value_date, postings, debits, credits,
           (sum(postings) OVER account)::bigint AS postings_total, (sum(debits) OVER account)::bigint AS debits_total,
           (sum(credits) OVER account)::bigint AS credits_total
      FROM summed
    WINDOW account AS (PARTITION BY account_id ORDER BY seal_no, value_date);
GRANT SELECT ON ledger.derived_seal_totals TO tranche_application;
