-- What a proposal asks the books to record, as the digest under which they do.
CREATE OR REPLACE FUNCTION ledger.proposed_digest(journal jsonb) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT ledger.body_digest('post', NULL, NULL, NULL, 'FREE', (journal ->> 'value_date')::date, NULL,
                              (journal ->> 'occurred_at')::timestamptz, journal -> 'correlation', '',
                              string_agg((t ->> 'debit') || E'\t' || (t ->> 'credit') || E'\t' || (t ->> 'currency')
                                         || E'\t' || (t ->> 'minor') || E'\n', '' ORDER BY ordinality))
      FROM jsonb_array_elements(journal -> 'transfers') WITH ORDINALITY AS each (t, ordinality)
$$;
