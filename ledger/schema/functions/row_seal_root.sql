-- The root of a seal of rows: a hash of the previous root and of all other columns of the seal.
CREATE OR REPLACE FUNCTION ledger.row_seal_root(previous bytea, seal ledger.row_seals) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(previous || record_send(ROW(
        (seal).seal_no, (seal).table_name, (seal).columns, (seal).last_txid, (seal).last_position, (seal).sealed_at,
        (seal).sealed_rows, (seal).positions, (seal).subjects, (seal).row_ids)) || (seal).leaves || (seal).marks)
$$;
