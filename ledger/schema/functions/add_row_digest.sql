-- A row takes its digest as it is written; the digest is of its JSON, hence one time zone.
CREATE OR REPLACE FUNCTION ledger.add_row_digest() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog SET timezone = 'UTC' AS $$
BEGIN
    NEW.digest := ledger.row_digest(to_jsonb(NEW));
    RETURN NEW;
END
$$;
