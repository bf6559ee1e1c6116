-- The principal of what close of business decides by a rule. It has no key, so nobody can act as it from outside, and it is
-- added here, so that the process that closes business needs no right to add principals.
INSERT INTO ledger.principals (principal_id, role, added_at)
VALUES ('close-of-business', 'close-of-business', now()) ON CONFLICT DO NOTHING;
