-- What the provider took for an attempt, where that is known: it may be less or more than what was asked for.

ALTER TABLE payments.attempts ADD COLUMN captured_minor bigint CHECK (captured_minor > 0);

-- A refusal that the provider takes back: it captured the money after all.
INSERT INTO payments.attempt_moves VALUES ('rejected', 'captured', 'presumed_paid');
