-- Sets the digest of a row when it is written. It is computed from the row's JSON, hence the fixed time zone.
CREATE OR REPLACE FUNCTION ledger.add_row_digest() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog SET timezone = 'UTC' AS $$
BEGIN
    NEW.digest := ledger.row_digest(to_jsonb(NEW));
    RETURN NEW;
END
$$;
