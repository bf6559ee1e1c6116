-- Seals: the final prefix of the journal in batches, each chained to the one before, and what every account's postings
-- add up to in them. The sealer runs beside the writers and no writer waits for it.

-- The order of sealing is (txid, position). A transaction below the oldest one that still runs can add nothing more, so
-- its requests are a final prefix of that order. `known_from` and `known_to` are the running maximum of recorded_at in
-- that order, at the batch's first and last request: clocks that step back change nothing that was known before.
CREATE TABLE ledger.seals (
    seal_no          integer PRIMARY KEY CHECK (seal_no > 0),
    known_from       timestamptz NOT NULL,
    known_to         timestamptz NOT NULL CHECK (known_to >= known_from),
    known_on         date NOT NULL,     -- the UTC day of both
    last_txid        xid8 NOT NULL,
    last_position    bigint NOT NULL,
    lowest_position  bigint NOT NULL,   -- of the batch itself
    highest_position bigint NOT NULL CHECK (highest_position >= lowest_position),
    tail_from        bigint NOT NULL,   -- of the last seal: whatever is not sealed has a position after this one
    seen_position    bigint NOT NULL,   -- how far positions were given out before `seen_txid` began: see tail_from
    seen_txid        xid8 NOT NULL,
    entries          integer NOT NULL CHECK (entries > 0),
    transfers        integer NOT NULL CHECK (transfers >= 0),
    sealed_at        timestamptz NOT NULL,
    leaves           bytea NOT NULL CHECK (length(leaves) = 32 * entries),  -- one hash for each request, in order
    root             bytea NOT NULL CHECK (length(root) = 32),
    UNIQUE (last_txid, last_position),
    CHECK (known_on = (known_from AT TIME ZONE 'UTC')::date AND known_on = (known_to AT TIME ZONE 'UTC')::date)
);
ALTER TABLE ledger.seals ALTER COLUMN leaves SET STORAGE EXTERNAL;  -- hashes do not get smaller
CREATE INDEX seals_by_known_to ON ledger.seals (known_to);

-- What an account's posted transfers add up to in a seal, for each value date, and its totals after them in the order
-- (seal_no, value_date). postings_total numbers the postings of an account that has no balance row.
CREATE TABLE ledger.seal_totals (
    account_id     integer NOT NULL,
    seal_no        integer NOT NULL,
    value_date     date NOT NULL,
    postings       integer NOT NULL CHECK (postings > 0),
    debits         bigint NOT NULL CHECK (debits >= 0),
    credits        bigint NOT NULL CHECK (credits >= 0),
    postings_total bigint NOT NULL CHECK (postings_total >= postings),
    debits_total   bigint NOT NULL CHECK (debits_total >= debits),
    credits_total  bigint NOT NULL CHECK (credits_total >= credits),
    PRIMARY KEY (account_id, seal_no, value_date)
);

-- The same for each day on which they were known, so that a long history is a few rows. Kept by a trigger.
CREATE TABLE ledger.account_days (
    account_id integer NOT NULL,
    known_on   date NOT NULL,
    value_date date NOT NULL,
    postings   integer NOT NULL CHECK (postings > 0),
    debits     bigint NOT NULL CHECK (debits >= 0),
    credits    bigint NOT NULL CHECK (credits >= 0),
    PRIMARY KEY (account_id, known_on, value_date)
);

-- How far the journal is sealed: always one row.
CREATE VIEW ledger.watermark AS
    SELECT coalesce(s.seal_no, 0) AS seal_no, coalesce(s.last_txid, '0'::xid8) AS txid,
           coalesce(s.last_position, 0) AS position, coalesce(s.known_to, '-infinity') AS known_to,
           coalesce(s.known_on, '-infinity') AS known_on, coalesce(s.tail_from, 0) AS tail_from,
           coalesce(s.root, ''::bytea) AS root
      FROM (SELECT) AS always
      LEFT JOIN (SELECT * FROM ledger.seals ORDER BY seal_no DESC LIMIT 1) s ON true;

-- The hash of each request: every column of it, of its transfers, of its refusal and of what it did to a hold. The binary
-- form of a row says where each value begins and ends, and depends on no setting but the client's encoding.
CREATE VIEW ledger.leaves AS
    SELECT r.position, r.txid, r.entry_id, r.value_date, r.recorded_at, t.transfers,
           sha256(record_send(ROW(
               r.position, r.txid, r.entry_id, r.act, r.flow, r.template_version, r.value_date, r.original_date,
               r.occurred_at, r.recorded_at, r.expires_at, r.refers_to, r.corrects, r.reason, r.correlation,
               r.transfer_count, r.digest, f.reasons, t.body,
               CASE WHEN r.act IN ('post_hold', 'void') THEN (
                   SELECT string_agg(record_send(ROW(e.hold_position, e.number, e.event, e.amount_minor)), ''
                                     ORDER BY e.hold_position, e.number)
                     FROM ledger.hold_events e WHERE e.resolver = r.position
               ) END
           ))) AS leaf
      FROM ledger.requests r
      LEFT JOIN ledger.refusals f ON f.position = r.position
     CROSS JOIN LATERAL (
        SELECT count(*)::integer AS transfers,
               string_agg(record_send(ROW(t.number, t.debit, t.credit, t.amount_minor, t.pending,
                                          t.debit_version, t.credit_version)), '' ORDER BY t.number) AS body
          FROM ledger.transfers t WHERE t.position = r.position
     ) t;

-- A seal's root: over the root before it, what the seal says of itself and its leaves.
CREATE FUNCTION ledger.seal_root(
    previous bytea, seal_no integer, known_from timestamptz, known_to timestamptz, known_on date, last_txid xid8,
    last_position bigint, lowest_position bigint, highest_position bigint, tail_from bigint, seen_position bigint,
    seen_txid xid8, entries integer, transfers integer, sealed_at timestamptz, leaves bytea
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(previous || record_send(ROW(
        seal_no, known_from, known_to, known_on, last_txid, last_position, lowest_position, highest_position,
        tail_from, seen_position, seen_txid, entries, transfers, sealed_at)) || leaves)
$$;

-- Seal up to `most` further requests, in seals of at most `size`; returns how many. It belongs to the caller's
-- transaction: whole, or not at all. A second sealer waits for the first.
CREATE FUNCTION ledger.seal_next(most integer, size integer) RETURNS bigint
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
    -- In this order: who begins after the snapshot gets a position after `seen`, as a transaction has its number first.
    SELECT CASE WHEN p.is_called THEN p.last_value ELSE 0 END INTO seen FROM ledger.positions p;
    SELECT pg_snapshot_xmin(s), pg_snapshot_xmax(s) INTO final_below, next_txid FROM pg_current_snapshot() s;
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

-- ── what the projections must be ───────────────────────────────────────────────────────────────────────────────────

-- Each view below has the columns of the table that it is named after, made from the journal alone (the days from the
-- seals' totals). The checker compares the two, and a rebuild puts the one into the other.
CREATE VIEW ledger.derived_seal_totals AS
    WITH placed AS MATERIALIZED (
        SELECT r.position, r.value_date, s.seal_no
          FROM ledger.requests r
         CROSS JOIN LATERAL (
            SELECT s.seal_no FROM ledger.seals s
             WHERE (s.last_txid, s.last_position) >= (r.txid, r.position)
             ORDER BY s.last_txid, s.last_position LIMIT 1
         ) s
    ), summed AS (
        SELECT s.account_id, p.seal_no, p.value_date, count(*)::integer AS postings, sum(s.debit)::bigint AS debits,
               sum(s.credit)::bigint AS credits
          FROM (SELECT t.position, t.debit AS account_id, t.amount_minor AS debit, 0 AS credit
                  FROM ledger.transfers t WHERE NOT t.pending
                 UNION ALL
                SELECT t.position, t.credit, 0, t.amount_minor FROM ledger.transfers t WHERE NOT t.pending) s
          JOIN placed p USING (position)
         GROUP BY s.account_id, p.seal_no, p.value_date
    )
    SELECT account_id, seal_no, value_date, postings, debits, credits,
           (sum(postings) OVER account)::bigint AS postings_total, (sum(debits) OVER account)::bigint AS debits_total,
           (sum(credits) OVER account)::bigint AS credits_total
      FROM summed
    WINDOW account AS (PARTITION BY account_id ORDER BY seal_no, value_date);

CREATE VIEW ledger.derived_account_days AS
    SELECT t.account_id, s.known_on, t.value_date, sum(t.postings)::integer AS postings, sum(t.debits)::bigint AS debits,
           sum(t.credits)::bigint AS credits
      FROM ledger.seal_totals t JOIN ledger.seals s USING (seal_no)
     GROUP BY t.account_id, s.known_on, t.value_date;

CREATE VIEW ledger.derived_balances AS
    WITH sides AS (
        SELECT t.debit AS account_id, 1 AS side, CASE WHEN t.pending THEN 0 ELSE t.amount_minor END AS debits_posted,
               0 AS credits_posted, CASE WHEN t.pending THEN t.amount_minor ELSE 0 END AS debits_pending,
               0 AS credits_pending
          FROM ledger.transfers t
         UNION ALL
        SELECT t.credit, 1, 0, CASE WHEN t.pending THEN 0 ELSE t.amount_minor END, 0,
               CASE WHEN t.pending THEN t.amount_minor ELSE 0 END
          FROM ledger.transfers t
         UNION ALL
        SELECT s.account_id, 0, 0, 0, s.debit, s.credit
          FROM ledger.hold_events e
          JOIN ledger.transfers t ON t.position = e.hold_position AND t.number = e.number
         CROSS JOIN LATERAL (VALUES (t.debit, -e.amount_minor, 0), (t.credit, 0, -e.amount_minor))
               AS s (account_id, debit, credit)
    )
    SELECT a.account_id, sum(s.side)::integer AS version, sum(s.debits_posted)::bigint AS debits_posted,
           sum(s.credits_posted)::bigint AS credits_posted, sum(s.debits_pending)::bigint AS debits_pending,
           sum(s.credits_pending)::bigint AS credits_pending, a.normal AS floor
      FROM sides s JOIN ledger.accounts a USING (account_id)
     WHERE a.floor
     GROUP BY a.account_id;

CREATE VIEW ledger.derived_open_holds AS
    SELECT t.position AS hold_position, (t.amount_minor - coalesce(sum(e.amount_minor), 0))::bigint AS remaining_minor,
           r.expires_at, t.debit, t.credit, t.number
      FROM ledger.transfers t
      JOIN ledger.requests r ON r.position = t.position
      LEFT JOIN ledger.hold_events e ON e.hold_position = t.position AND e.number = t.number
     WHERE t.pending
     GROUP BY t.position, t.number, r.position
    HAVING t.amount_minor > coalesce(sum(e.amount_minor), 0);

-- ── the outbox ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- A fact of the outbox carries the hash of what was written.
CREATE FUNCTION ledger.outbox_digest(fact ledger.outbox) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(
        replace((fact).event_id || E'\x1f' || (fact).event_type || E'\x1f' || (fact).key || E'\x1f'
                || (fact).payload::text, '\', '\\')::bytea
        || int8send((fact).position) || timestamptz_send((fact).occurred_at) || timestamptz_send((fact).recorded_at)
    )
$$;
ALTER TABLE ledger.outbox ADD COLUMN digest bytea NOT NULL CHECK (length(digest) = 32);

CREATE FUNCTION ledger.add_outbox_digest() RETURNS trigger
LANGUAGE plpgsql AS $$  -- for every fact written, so without settings of its own to put in place and take back
BEGIN
    NEW.digest := ledger.outbox_digest(NEW);
    RETURN NEW;
END
$$;
CREATE TRIGGER add_digest BEFORE INSERT ON ledger.outbox FOR EACH ROW EXECUTE FUNCTION ledger.add_outbox_digest();

-- ── what keeps it true ─────────────────────────────────────────────────────────────────────────────────────────────

-- The watermark only rises, by one seal after the other.
CREATE FUNCTION ledger.check_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    mark ledger.watermark;
BEGIN
    SELECT * INTO mark FROM ledger.watermark;
    IF NEW.seal_no <> mark.seal_no + 1 OR (NEW.last_txid, NEW.last_position) <= (mark.txid, mark.position)
       OR NEW.known_from < mark.known_to THEN
        RAISE EXCEPTION 'seal % does not come after seal %', NEW.seal_no, mark.seal_no
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_seal BEFORE INSERT ON ledger.seals FOR EACH ROW EXECUTE FUNCTION ledger.check_seal();

CREATE FUNCTION ledger.add_to_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO ledger.account_days AS d
    SELECT a.account_id, s.known_on, a.value_date, sum(a.postings), sum(a.debits), sum(a.credits)
      FROM added a JOIN ledger.seals s ON s.seal_no = a.seal_no
     GROUP BY a.account_id, s.known_on, a.value_date
        ON CONFLICT (account_id, known_on, value_date) DO UPDATE
       SET postings = d.postings + excluded.postings, debits = d.debits + excluded.debits,
           credits = d.credits + excluded.credits;
    RETURN NULL;
END
$$;
CREATE TRIGGER add_to_days AFTER INSERT ON ledger.seal_totals
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.add_to_days();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.seals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.seal_totals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER kept_by_triggers BEFORE INSERT OR UPDATE OR DELETE ON ledger.account_days
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.account_days
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- ── who may do what ────────────────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT ON ledger.seals, ledger.seal_totals, ledger.account_days, ledger.watermark, ledger.leaves,
                ledger.derived_seal_totals, ledger.derived_account_days, ledger.derived_balances,
                ledger.derived_open_holds
   TO tranche_application;
GRANT EXECUTE ON FUNCTION ledger.seal_next TO tranche_application;
