-- What no entry covers carries a hash of its own row, so that a change behind the database's back is seen.
CREATE OR REPLACE FUNCTION ledger.row_digest(content jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to((content - 'digest')::text, 'UTF8'))
$$;
