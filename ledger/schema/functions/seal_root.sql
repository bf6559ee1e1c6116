-- A seal's root: over the root before it, what the seal says of itself and its leaves.
CREATE OR REPLACE FUNCTION ledger.seal_root(
    previous bytea, seal_no integer, known_from timestamptz, known_to timestamptz, known_on date, last_txid xid8,
    last_position bigint, lowest_position bigint, highest_position bigint, tail_from bigint, seen_position bigint,
    seen_txid xid8, entries integer, transfers integer, sealed_at timestamptz, leaves bytea
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(previous || record_send(ROW(
        seal_no, known_from, known_to, known_on, last_txid, last_position, lowest_position, highest_position,
        tail_from, seen_position, seen_txid, entries, transfers, sealed_at)) || leaves)
$$;
