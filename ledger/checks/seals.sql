-- Each seal is chained to the one before it and covers exactly its part of the journal, in the sealed order.
WITH RECURSIVE bounded AS (
    SELECT s.*, lag(s.seal_no, 1, 0) OVER sealed AS previous_no, lag(s.root, 1, ''::bytea) OVER sealed AS previous_root
      FROM ledger.seals s WINDOW sealed AS (ORDER BY s.seal_no)
), placed AS MATERIALIZED (
    SELECT l.position, l.txid, l.entry_id, l.recorded_at, l.transfers, l.leaf, s.seal_no
      FROM ledger.leaves l
     CROSS JOIN LATERAL (
        SELECT s.seal_no FROM ledger.seals s
         WHERE (s.last_txid, s.last_position) >= (l.txid, l.position)
         ORDER BY s.last_txid, s.last_position LIMIT 1
     ) s
), known AS (
    SELECT p.*, max(p.recorded_at) OVER (ORDER BY p.txid, p.position) AS known_at FROM placed p
), derived AS MATERIALIZED (
    SELECT k.seal_no, count(*) AS entries, sum(k.transfers) AS transfers, min(k.position) AS lowest_position,
           max(k.position) AS highest_position, min(k.known_at) AS known_from, max(k.known_at) AS known_to,
           string_agg(k.leaf, '' ORDER BY k.txid, k.position) AS leaves
      FROM known k GROUP BY k.seal_no
), broken AS MATERIALIZED (
    SELECT s.seal_no, s.leaves, s.entries FROM ledger.seals s LEFT JOIN derived d USING (seal_no)
     WHERE d.leaves IS DISTINCT FROM s.leaves
), sealed_leaves AS (
    SELECT b.seal_no, b.entries, i.ordinal, substring(b.leaves FROM i.ordinal * 32 - 31 FOR 32) AS leaf
      FROM broken b CROSS JOIN LATERAL generate_series(1, b.entries) AS i (ordinal)
)
SELECT 'seal' AS "check", p.entry_id AS "where",
       format('is not as seal %s has it: changed since, or put in', p.seal_no) AS detail
  FROM placed p JOIN broken b USING (seal_no)
 WHERE NOT EXISTS (SELECT FROM sealed_leaves l WHERE l.seal_no = p.seal_no AND l.leaf = p.leaf)
UNION ALL
SELECT 'seal', format('seal %s', l.seal_no), format('its entry %s of %s is changed or gone', l.ordinal, l.entries)
  FROM sealed_leaves l
 WHERE NOT EXISTS (SELECT FROM placed p WHERE p.seal_no = l.seal_no AND p.leaf = l.leaf)
UNION ALL
SELECT 'seal', format('seal %s', b.seal_no),
       CASE WHEN b.previous_no <> b.seal_no - 1 THEN format('follows seal %s', b.previous_no)
            ELSE 'its root is not that of its leaves and of the seal before it' END
  FROM bounded b
 WHERE b.previous_no <> b.seal_no - 1
    OR b.root <> ledger.seal_root(
           b.previous_root, b.seal_no, b.known_from, b.known_to, b.known_on, b.last_txid, b.last_position,
           b.lowest_position, b.highest_position, b.tail_from, b.seen_position, b.seen_txid, b.entries, b.transfers,
           b.sealed_at, b.leaves)
UNION ALL
SELECT 'seal', format('seal %s', s.seal_no), 'says otherwise of its entries than they are'
  FROM ledger.seals s LEFT JOIN derived d USING (seal_no)
 WHERE (s.entries, s.transfers, s.lowest_position, s.highest_position, s.known_from, s.known_to)
       IS DISTINCT FROM (d.entries, d.transfers, d.lowest_position, d.highest_position, d.known_from, d.known_to)
UNION ALL
SELECT 'seal', r.entry_id, format('is not sealed, and lies below the tail''s start at position %s', w.tail_from)
  FROM ledger.watermark w JOIN ledger.requests r ON r.position <= w.tail_from
 WHERE (r.txid, r.position) > (w.txid, w.position)
