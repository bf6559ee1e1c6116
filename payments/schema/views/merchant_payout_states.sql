-- Payouts with where they stand: `netted` where nothing is sent, `waiting` for the bank file, `sent`, or `returned`.
-- Looked up payout by payout (the limits keep the joins from being planned over whole tables): lists read a page.
CREATE VIEW payments.merchant_payout_states AS
SELECT m.payout_id, m.merchant_id, m.amount_minor, m.currency, m.requested_on, sent.batch_id AS reference,
       back.returned_on,
       CASE WHEN back.returned_on IS NOT NULL THEN 'returned' WHEN m.amount_minor = 0 THEN 'netted'
            WHEN sent.written_at IS NOT NULL THEN 'sent' ELSE 'waiting' END AS state
  FROM payments.merchant_payouts m
  LEFT JOIN LATERAL (SELECT o.batch_id, b.written_at
                       FROM payments.payout_orders o LEFT JOIN payments.payout_batches b USING (batch_id)
                      WHERE o.payout_id = m.payout_id LIMIT 1) sent ON true
  LEFT JOIN LATERAL (SELECT r.returned_on FROM payments.payout_returns r
                      WHERE r.payout_id = m.payout_id LIMIT 1) back ON true;

GRANT SELECT ON payments.merchant_payout_states TO tranche_application;
