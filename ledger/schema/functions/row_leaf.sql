-- The SQL of the hash of a row `t`, over these columns. The binary form of a row delimits its values, and depends on no
-- setting but the client's encoding.
CREATE OR REPLACE FUNCTION ledger.row_leaf(columns text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT format('sha256(record_send(ROW(%s)))', string_agg(format('t.%I', c.name), ', ' ORDER BY c.ordinality))
      FROM unnest(columns) WITH ORDINALITY AS c (name, ordinality)
$$;
