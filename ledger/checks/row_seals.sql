-- Rows of the sealed tables are as they were sealed, and the seals of rows are one chain.
WITH chained AS (
    SELECT s.seal_no, s.root, lag(s.seal_no, 1, 0) OVER sealed AS previous_no,
           ledger.row_seal_root(lag(s.root, 1, ''::bytea) OVER sealed, s) AS derived
      FROM ledger.row_seals s WINDOW sealed AS (ORDER BY s.seal_no)
)
SELECT 'row seal' AS "check", format('seal %s of rows', c.seal_no) AS "where",
       CASE WHEN c.previous_no <> c.seal_no - 1 THEN format('follows seal %s', c.previous_no)
            ELSE 'its root is not that of its rows and of the seal before it' END AS detail
  FROM chained c WHERE c.previous_no <> c.seal_no - 1 OR c.root <> c.derived
UNION ALL
SELECT DISTINCT 'row seal', s.table_name, 'was sealed before and is no longer'
  FROM ledger.row_seals s WHERE NOT EXISTS (SELECT FROM ledger.sealed_tables t WHERE t.table_name = s.table_name)
UNION ALL
SELECT f.* FROM ledger.sealed_tables t CROSS JOIN LATERAL ledger.row_seal_faults(t) f
