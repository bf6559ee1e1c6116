-- For tables whose rows are only ever added, and for those that only triggers write.
CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '%.% is only ever added to: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, lower(TG_OP)
          USING ERRCODE = 'insufficient_privilege';
END
$$;
