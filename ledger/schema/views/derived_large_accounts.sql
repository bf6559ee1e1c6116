-- As ledger.large_accounts must be, from the journal: the checker compares the two, a rebuild copies it over.
CREATE OR REPLACE VIEW ledger.derived_large_accounts AS
    SELECT a.account_id FROM ledger.accounts a
     WHERE NOT a.floor AND a.account_id IN (SELECT unnest(ARRAY[t.debit, t.credit]) FROM ledger.transfers t
                                             WHERE t.amount_minor >= 1000000000000);
GRANT SELECT ON ledger.derived_large_accounts TO tranche_application;
