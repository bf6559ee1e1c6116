-- Open cases by plan: while a payment is disputed, no refund of its plan is paid out.
CREATE INDEX attempts_disputed ON payments.attempts (plan_id) WHERE state = 'disputed';
