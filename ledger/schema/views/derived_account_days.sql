-- As ledger.account_days must be, from the seals' totals: the checker compares the two, a rebuild copies it over.
CREATE OR REPLACE VIEW ledger.derived_account_days AS
    SELECT t.account_id, s.known_on, t.value_date, sum(t.postings)::integer AS postings, sum(t.debits)::bigint AS debits,
           sum(t.credits)::bigint AS credits
      FROM ledger.seal_totals t JOIN ledger.seals s USING (seal_no)
     GROUP BY t.account_id, s.known_on, t.value_date;
GRANT SELECT ON ledger.derived_account_days TO tranche_application;
