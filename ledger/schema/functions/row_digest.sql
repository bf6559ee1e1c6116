-- The digest of a row that belongs to no entry, which shows a later change of the row.
CREATE OR REPLACE FUNCTION ledger.row_digest(content jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to((content - 'digest')::text, 'UTF8'))
$$;
