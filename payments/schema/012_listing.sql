-- Lists of payments, refunds and payouts are read newest first, page by page, by any of these.
CREATE INDEX attempts_by_day ON payments.attempts (requested_on, attempt_id);
CREATE INDEX attempts_by_shopper ON payments.attempts (shopper_id, requested_on, attempt_id);
CREATE INDEX attempts_by_plan ON payments.attempts (plan_id);
CREATE INDEX attempts_by_state ON payments.attempts (state, requested_on, attempt_id);
CREATE INDEX attempts_by_reference ON payments.attempts (provider_reference) WHERE provider_reference IS NOT NULL;
CREATE INDEX refund_payments_by_time ON payments.refund_payments (requested_on, payment_id);
CREATE INDEX refund_payments_by_shopper ON payments.refund_payments (shopper_id, requested_on, payment_id);
CREATE INDEX refund_payments_by_plan ON payments.refund_payments (plan_id);
CREATE INDEX refund_payments_by_state ON payments.refund_payments (state, requested_on, payment_id);
CREATE INDEX merchant_payouts_by_day ON payments.merchant_payouts (requested_on, payout_id);
CREATE INDEX payout_items_by_order ON payments.payout_items (order_id) WHERE order_id IS NOT NULL;
