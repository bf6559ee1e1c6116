-- The SQL of four bytes for each of these columns of a row `t`.
CREATE OR REPLACE FUNCTION ledger.row_marks(columns text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(format('substring(sha256(record_send(ROW(t.%I))) FOR 4)', c.name), ' || ' ORDER BY c.ordinality)
      FROM unnest(columns) WITH ORDINALITY AS c (name, ordinality)
$$;
