-- How far the journal is sealed: always one row.
CREATE OR REPLACE VIEW ledger.watermark AS
    SELECT coalesce(s.seal_no, 0) AS seal_no, coalesce(s.last_txid, '0'::xid8) AS txid,
           coalesce(s.last_position, 0) AS position, coalesce(s.known_to, '-infinity') AS known_to,
           coalesce(s.known_on, '-infinity') AS known_on, coalesce(s.tail_from, 0) AS tail_from,
           coalesce(s.root, ''::bytea) AS root
      FROM (SELECT) AS always
      LEFT JOIN (SELECT * FROM ledger.seals ORDER BY seal_no DESC LIMIT 1) s ON true;
GRANT SELECT ON ledger.watermark TO tranche_application;
