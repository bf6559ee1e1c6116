-- What a seal adds to each account's days.
CREATE OR REPLACE FUNCTION ledger.add_to_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO ledger.account_days AS d
    SELECT a.account_id, s.known_on, a.value_date, sum(a.postings), sum(a.debits), sum(a.credits)
      FROM added a JOIN ledger.seals s ON s.seal_no = a.seal_no
     GROUP BY a.account_id, s.known_on, a.value_date
        ON CONFLICT (account_id, known_on, value_date) DO UPDATE
       SET postings = d.postings + excluded.postings, debits = d.debits + excluded.debits,
           credits = d.credits + excluded.credits;
    RETURN NULL;
END
$$;
