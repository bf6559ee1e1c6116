-- The rows of a sealed table that are not as sealed: changed, gone, moved or put in. Only seals whose leaves differ are
-- looked at row by row.
CREATE OR REPLACE FUNCTION ledger.row_seal_faults(wanted ledger.sealed_tables)
RETURNS TABLE ("check" text, "where" text, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    sealed_as text[];
BEGIN
    FOR sealed_as IN SELECT DISTINCT s.columns FROM ledger.row_seals s WHERE s.table_name = wanted.table_name LOOP
        RETURN QUERY EXECUTE format($query$
            WITH bounded AS (
                SELECT s.*, lag(s.last_txid, 1, '0') OVER o AS after_txid, lag(s.last_position, 1, 0::bigint) OVER o AS after
                  FROM ledger.row_seals s WHERE s.table_name = $1 WINDOW o AS (ORDER BY s.last_txid, s.last_position)
            ), broken AS MATERIALIZED (
                SELECT b.* FROM bounded b
                 CROSS JOIN LATERAL (
                    SELECT string_agg(r.leaf, '' ORDER BY r.txid, r.position) AS leaves
                      FROM (SELECT t.txid, t.position, %3$s AS leaf FROM %4$s t
                             WHERE (t.txid, t.position) > (b.after_txid, b.after)
                               AND (t.txid, t.position) <= (b.last_txid, b.last_position)
                             ORDER BY t.txid, t.position) r
                 ) now
                 WHERE b.columns = $2 AND now.leaves IS DISTINCT FROM b.leaves
            ), sealed AS (
                SELECT b.subjects[i] AS subject, b.row_ids[i] AS row_id, b.positions[i] AS position, b.seal_no,
                       substring(b.leaves FROM i * 32 - 31 FOR 32) AS leaf,
                       substring(b.marks FROM (i - 1) * 4 * cardinality($2) + 1 FOR 4 * cardinality($2)) AS marks
                  FROM broken b CROSS JOIN LATERAL generate_series(1, b.sealed_rows) AS i
            ), changed AS (
                SELECT s.subject, s.row_id, s.position,
                       CASE WHEN n.marks IS NULL THEN 'is gone'
                            ELSE coalesce((SELECT string_agg($2[i], ', ' ORDER BY i)
                                             FROM generate_series(1, cardinality($2)) AS i
                                            WHERE substring(n.marks FROM i * 4 - 3 FOR 4)
                                               <> substring(s.marks FROM i * 4 - 3 FOR 4)), 'a column')
                                 || ' changed since it was sealed' END AS detail
                  FROM sealed s
                  LEFT JOIN LATERAL (SELECT %3$s AS leaf, %5$s AS marks FROM %4$s t WHERE t.%2$I::text = s.row_id) n ON true
                 WHERE n.leaf IS DISTINCT FROM s.leaf
            ), added AS (
                SELECT t.%1$I::text AS subject, t.%2$I::text AS row_id, t.position,
                       format('was put in after seal %%s', b.seal_no) AS detail
                  FROM broken b
                  JOIN %4$s t ON (t.txid, t.position) > (b.after_txid, b.after)
                             AND (t.txid, t.position) <= (b.last_txid, b.last_position)
                 WHERE NOT EXISTS (SELECT FROM sealed s WHERE s.row_id = t.%2$I::text)  -- else it is moved, and named above
            )
            SELECT 'sealed row', $3 || ' ' || f.subject,
                   format('%%s %%s, %%s: %%s', $4, (
                       SELECT count(DISTINCT o.position) FROM (
                           SELECT p.position FROM ledger.row_seals s,
                                  unnest(s.positions, s.subjects) AS p (position, subject)
                            WHERE s.table_name = $1 AND p.subject = f.subject
                            UNION ALL SELECT t.position FROM %4$s t WHERE t.%1$I::text = f.subject) o
                        WHERE o.position <= f.position), f.row_id, f.detail)
              FROM (SELECT * FROM changed UNION ALL SELECT * FROM added) f$query$,
            wanted.subject, wanted.row_id, ledger.row_leaf(sealed_as), wanted.table_name::regclass,
            ledger.row_marks(sealed_as))
            USING wanted.table_name, sealed_as, wanted.subject_is, wanted.row_is;
    END LOOP;
    RETURN QUERY EXECUTE format(
        'SELECT ''sealed row'', $1 || '' '' || t.%I, format(''%%s %%s is of a transaction that never was'', $2, t.%I)
           FROM %s t WHERE t.txid >= pg_snapshot_xmax(pg_current_snapshot())
                       AND t.txid IS DISTINCT FROM pg_current_xact_id_if_assigned()',
        wanted.subject, wanted.row_id, wanted.table_name::regclass)
        USING wanted.subject_is, wanted.row_is;
END
$$;
