-- What was approved on a bank account, whoever asked: an account's exposure is one, however many shoppers name it.
CREATE INDEX decisions_by_account ON lending.decisions (account_id) WHERE approved_minor IS NOT NULL;
