-- Seals up to `most` further rows of the sealed tables, in seals of at most `size`, within the caller's transaction;
-- returns how many. A second sealer waits for the first.
CREATE OR REPLACE FUNCTION ledger.seal_rows(most integer, size integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET client_encoding = 'UTF8' AS $$
DECLARE
    wanted ledger.sealed_tables;
    seal ledger.row_seals;
    previous bytea;
    final_below xid8;  -- every transaction before this one has ended
    query text;
    found bigint := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.row_seals', 0));
    SELECT coalesce(max(s.seal_no), 0) INTO seal.seal_no FROM ledger.row_seals s;
    SELECT s.root INTO previous FROM ledger.row_seals s WHERE s.seal_no = seal.seal_no;
    previous := coalesce(previous, ''::bytea);
    seal.sealed_at := clock_timestamp();
    IF pg_current_xact_id() <= (SELECT max(s.last_txid) FROM ledger.row_seals s) THEN
        RAISE EXCEPTION 'rows are sealed up to transaction %, and this server has only come to %',
              (SELECT max(s.last_txid) FROM ledger.row_seals s), pg_current_xact_id()
              USING ERRCODE = 'object_not_in_prerequisite_state',
                    HINT = 'On a server restored from a dump, raise its transaction counter first.';
    END IF;
    SELECT pg_snapshot_xmin(s) INTO final_below FROM pg_current_snapshot() s;
    FOR wanted IN SELECT * FROM ledger.sealed_tables ORDER BY table_name LOOP
        seal.table_name := wanted.table_name;
        SELECT array_agg(a.attname::text ORDER BY a.attnum) INTO seal.columns FROM pg_attribute a
         WHERE a.attrelid = wanted.table_name::regclass AND a.attnum > 0 AND NOT a.attisdropped;
        seal.last_txid := '0';
        seal.last_position := 0;
        SELECT s.last_txid, s.last_position INTO seal.last_txid, seal.last_position FROM ledger.row_seals s
         WHERE s.table_name = wanted.table_name ORDER BY s.last_txid DESC, s.last_position DESC LIMIT 1;
        query := format(
            'SELECT max(n.txid), (array_agg(n.position ORDER BY n.txid DESC, n.position DESC))[1], count(*),
                    array_agg(n.position ORDER BY n.txid, n.position), array_agg(n.subject ORDER BY n.txid, n.position),
                    array_agg(n.row_id ORDER BY n.txid, n.position), string_agg(n.leaf, '''' ORDER BY n.txid, n.position),
                    string_agg(n.marks, '''' ORDER BY n.txid, n.position)
               FROM (SELECT t.txid, t.position, t.%I::text AS subject, t.%I::text AS row_id, %s AS leaf, %s AS marks
                       FROM %s t WHERE (t.txid, t.position) > ($1, $2) AND t.txid < $3
                      ORDER BY t.txid, t.position LIMIT $4) n',
            wanted.subject, wanted.row_id, ledger.row_leaf(seal.columns), ledger.row_marks(seal.columns),
            wanted.table_name::regclass);
        LOOP
            EXECUTE query USING coalesce(seal.last_txid, '0'), coalesce(seal.last_position, 0), final_below,
                                least(size, most - found)
               INTO seal.last_txid, seal.last_position, seal.sealed_rows, seal.positions, seal.subjects, seal.row_ids,
                    seal.leaves, seal.marks;
            EXIT WHEN seal.sealed_rows = 0;
            seal.seal_no := seal.seal_no + 1;
            seal.root := ledger.row_seal_root(previous, seal);
            INSERT INTO ledger.row_seals SELECT seal.*;
            previous := seal.root;
            found := found + seal.sealed_rows;
            IF found = most THEN
                RETURN found;
            END IF;
        END LOOP;
    END LOOP;
    RETURN found;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.seal_rows FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.seal_rows TO tranche_application;
