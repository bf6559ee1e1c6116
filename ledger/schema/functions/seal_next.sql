-- Seal up to `most` further requests, in seals of at most `size`; returns how many. It belongs to the caller's
-- transaction: whole, or not at all. A second sealer waits for the first.
-- The sealer takes an id of its own as its horizon. The end of a snapshot would not do: a transaction that still runs can
-- have that very id and a position already drawn, and its entry would never be sealed.
CREATE OR REPLACE FUNCTION ledger.seal_next(most integer, size integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET client_encoding = 'UTF8' AS $$
DECLARE
    mark ledger.watermark;
    seen bigint;
    final_below xid8;  -- every transaction before this one has ended
    next_txid xid8;
    found bigint;
    open_from xid8;    -- nothing that stays unsealed has an older transaction
    lower bigint;
    moment timestamptz := clock_timestamp();
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.seals', 0));
    SELECT * INTO mark FROM ledger.watermark;
    -- In this order: who has a larger id than this transaction draws a position after `seen`, as an id comes first.
    SELECT CASE WHEN p.is_called THEN p.last_value ELSE 0 END INTO seen FROM ledger.positions p;
    next_txid := pg_current_xact_id();
    SELECT pg_snapshot_xmin(s) INTO final_below FROM pg_current_snapshot() s;
    IF mark.txid >= next_txid THEN
        RAISE EXCEPTION 'the journal is sealed up to transaction %, and this server has only come to %',
              mark.txid, next_txid
              USING ERRCODE = 'object_not_in_prerequisite_state',
                    HINT = 'On a server restored from a dump, raise its transaction counter first.';
    END IF;
    SELECT count(*), CASE WHEN count(*) < most THEN final_below ELSE max(r.txid) END INTO found, open_from
      FROM (SELECT r.txid FROM ledger.requests r
             WHERE r.position > mark.tail_from AND r.txid >= mark.txid AND r.txid < final_below
               AND (r.txid > mark.txid OR r.position > mark.position)
             ORDER BY r.txid, r.position LIMIT most) r;
    IF found = 0 THEN
        RETURN 0;
    END IF;
    SELECT greatest(mark.tail_from, max(s.seen_position), CASE WHEN next_txid <= open_from THEN seen END) INTO lower
      FROM ledger.seals s WHERE s.seen_txid <= open_from;
    WITH RECURSIVE prefix AS MATERIALIZED (
        SELECT r.txid, r.position, r.value_date,
               greatest(mark.known_to, max(r.recorded_at) OVER (ORDER BY r.txid, r.position)) AS known_at
          FROM (SELECT r.txid, r.position, r.value_date, r.recorded_at FROM ledger.requests r
                 WHERE r.position > mark.tail_from AND r.txid >= mark.txid AND r.txid < final_below
                   AND (r.txid > mark.txid OR r.position > mark.position)
                 ORDER BY r.txid, r.position LIMIT most) r
    ), parted AS (
        SELECT p.*, (p.known_at AT TIME ZONE 'UTC')::date AS known_on,
               (row_number() OVER (PARTITION BY (p.known_at AT TIME ZONE 'UTC')::date ORDER BY p.txid, p.position) - 1)
                   / size AS part
          FROM prefix p
    ), batched AS MATERIALIZED (
        SELECT p.*, mark.seal_no + dense_rank() OVER (ORDER BY p.known_on, p.part)::integer AS seal_no FROM parted p
    ), bound AS (
        SELECT b.seal_no, min(b.known_at) AS known_from, max(b.known_at) AS known_to, b.known_on,
               max(b.txid) AS last_txid, (array_agg(b.position ORDER BY b.txid DESC, b.position DESC))[1] AS last_position,
               min(b.position) AS lowest_position, max(b.position) AS highest_position, count(*)::integer AS entries,
               sum(l.transfers)::integer AS transfers, string_agg(l.leaf, '' ORDER BY b.txid, b.position) AS leaves
          FROM batched b JOIN ledger.leaves l ON l.position = b.position
         GROUP BY b.seal_no, b.known_on
    ), chained AS (
        SELECT mark.seal_no AS seal_no, mark.root AS root
        UNION ALL
        SELECT b.seal_no, ledger.seal_root(
                   c.root, b.seal_no, b.known_from, b.known_to, b.known_on, b.last_txid, b.last_position,
                   b.lowest_position, b.highest_position, lower, seen, next_txid, b.entries, b.transfers, moment, b.leaves)
          FROM chained c JOIN bound b ON b.seal_no = c.seal_no + 1
    ), sealed AS (
        INSERT INTO ledger.seals
        SELECT b.seal_no, b.known_from, b.known_to, b.known_on, b.last_txid, b.last_position, b.lowest_position,
               b.highest_position, lower, seen, next_txid, b.entries, b.transfers, moment, b.leaves, c.root
          FROM bound b JOIN chained c ON c.seal_no = b.seal_no
         ORDER BY b.seal_no
    ), summed AS (
        SELECT s.account_id, b.seal_no, b.value_date, count(*)::integer AS postings,
               coalesce(sum(t.amount_minor) FILTER (WHERE s.account_id = t.debit), 0)::bigint AS debits,
               coalesce(sum(t.amount_minor) FILTER (WHERE s.account_id = t.credit), 0)::bigint AS credits
          FROM batched b
          JOIN ledger.transfers t ON t.position = b.position AND NOT t.pending
         CROSS JOIN LATERAL (VALUES (t.debit), (t.credit)) AS s (account_id)
         GROUP BY s.account_id, b.seal_no, b.value_date
    )
    INSERT INTO ledger.seal_totals
    SELECT s.account_id, s.seal_no, s.value_date, s.postings, s.debits, s.credits,
           coalesce(before.postings_total, 0) + sum(s.postings) OVER account,
           coalesce(before.debits_total, 0) + sum(s.debits) OVER account,
           coalesce(before.credits_total, 0) + sum(s.credits) OVER account
      FROM summed s
      LEFT JOIN LATERAL (
        SELECT k.postings_total, k.debits_total, k.credits_total FROM ledger.seal_totals k
         WHERE k.account_id = s.account_id ORDER BY k.seal_no DESC, k.value_date DESC LIMIT 1
      ) before ON true
    WINDOW account AS (PARTITION BY s.account_id ORDER BY s.seal_no, s.value_date);
    RETURN found;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.seal_next FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.seal_next TO tranche_application;
