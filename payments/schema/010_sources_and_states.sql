-- Where files come from, what else a provider's row may be, and the states of expectations.

ALTER TABLE payments.lines DROP CONSTRAINT lines_kind_check;
ALTER TABLE payments.lines ADD CONSTRAINT lines_kind_check
    CHECK (kind IN ('repayment', 'capture', 'return', 'refund', 'chargeback', 'chargeback_won', 'fee', 'fee_returned',
                    'reserve_held', 'reserve_released', 'payout', 'payout_taken', 'credit', 'debit'));
