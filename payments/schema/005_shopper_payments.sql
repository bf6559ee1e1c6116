-- A shopper may pay when they like, beside what collection charges. Such an attempt names no instalment of the schedule:
-- its instalment_id is made of the plan and the caller's key, and its hold reserves only the principal it pays.

ALTER TABLE payments.attempts ADD COLUMN purpose text NOT NULL DEFAULT 'due'
    CHECK (purpose IN ('due', 'payment', 'payoff'));
