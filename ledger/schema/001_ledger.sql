-- The books: append-only requests and transfers, and the projections that the database itself keeps from them.
-- The application writes as tranche_application, which may add rows and nothing else.

CREATE SCHEMA IF NOT EXISTS ledger;

DO $$
BEGIN
    CREATE ROLE tranche_application NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the whole server: another database of it has made this one
END
$$;

-- ── what is recorded ───────────────────────────────────────────────────────────────────────────────────────────────

CREATE SEQUENCE ledger.positions;

-- The accounts that have ever been written to, as the chart described them when the first entry touched them. Those
-- with a floor keep a balance row below; the others have none, so that no account that everybody touches is a hot row.
CREATE TABLE ledger.accounts (
    account_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account    text NOT NULL,
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    pattern    text NOT NULL,
    kind       text NOT NULL,
    normal     text NOT NULL CHECK (normal IN ('debit', 'credit')),
    floor      boolean NOT NULL,
    UNIQUE (account, currency)
);

-- Everything ever asked of the books, under the id of its business event. Its transfers or its refusal say how it went.
-- `refers_to` is the hold that it posts or voids, or the entry that it reverses; `corrects` the reversed entry that it
-- posts again. `digest` is of what makes two requests the same. Columns stand in the order that wastes no bytes.
CREATE TABLE ledger.requests (
    position         bigint PRIMARY KEY,
    txid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
    occurred_at      timestamptz NOT NULL,
    recorded_at      timestamptz NOT NULL,
    expires_at       timestamptz,
    refers_to        bigint,
    corrects         bigint,
    value_date       date NOT NULL,
    original_date    date,
    template_version smallint NOT NULL,
    transfer_count   smallint NOT NULL,
    act              text NOT NULL CHECK (act IN ('post', 'hold', 'post_hold', 'void', 'reverse')),
    flow             text NOT NULL,
    entry_id         text NOT NULL UNIQUE CHECK (entry_id <> ''),
    reason           text NOT NULL,
    digest           bytea NOT NULL CHECK (octet_length(digest) = 32),
    correlation      jsonb NOT NULL CHECK (jsonb_typeof(correlation) = 'object'),
    CHECK ((act IN ('post_hold', 'void', 'reverse')) = (refers_to IS NOT NULL)),
    CHECK (act = 'post' OR corrects IS NULL),
    CHECK (act = 'hold' OR expires_at IS NULL),
    CHECK (transfer_count >= 0 AND (act = 'void') = (transfer_count = 0)),
    CHECK (original_date <= value_date)
);
CREATE INDEX requests_by_correlation ON ledger.requests USING gin (correlation jsonb_path_ops);
CREATE INDEX requests_by_reference ON ledger.requests (refers_to) WHERE refers_to IS NOT NULL;

-- One positive amount from one account to another, both in one currency: an unbalanced one cannot be written. Numbered
-- within its entry, so none can be doubled. Those of a hold are pending. The versions are those that it gives to
-- accounts with a floor. No foreign key to the accounts: its lock on their rows would make the hot ones hot again.
CREATE TABLE ledger.transfers (
    position       bigint NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    debit          integer NOT NULL,
    credit         integer NOT NULL,
    debit_version  integer,
    credit_version integer,
    number         smallint NOT NULL,
    pending        boolean NOT NULL,
    PRIMARY KEY (position, number),
    CHECK (debit <> credit)
);
CREATE INDEX transfers_by_debit ON ledger.transfers (debit, position);
CREATE INDEX transfers_by_credit ON ledger.transfers (credit, position);

-- What became of a held transfer: posted by an entry, in part or in full, or voided. What is left of it is still held.
CREATE TABLE ledger.hold_events (
    hold_position bigint NOT NULL,
    resolver      bigint NOT NULL,
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    number        smallint NOT NULL,
    event         text NOT NULL CHECK (event IN ('posted', 'voided')),
    PRIMARY KEY (hold_position, number, resolver)
);
CREATE INDEX hold_events_by_resolver ON ledger.hold_events (resolver);

-- The answer to a request that wrote nothing: every reason, given again to whoever repeats it.
CREATE TABLE ledger.refusals (
    position bigint PRIMARY KEY REFERENCES ledger.requests (position),
    reasons  jsonb NOT NULL CHECK (jsonb_typeof(reasons) = 'array' AND jsonb_array_length(reasons) > 0)
);

-- Days up to which no posting is taken any more, from the moment that the row is there for others to see.
CREATE TABLE ledger.periods (
    through   date PRIMARY KEY,
    closed_at timestamptz NOT NULL
);

-- Facts of the platform, written in the transaction that made them true and published to the stream afterwards.
CREATE TABLE ledger.outbox (
    event_id    text PRIMARY KEY,
    position    bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    event_type  text NOT NULL,
    key         text NOT NULL,
    payload     jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);

-- ── what follows from it ───────────────────────────────────────────────────────────────────────────────────────────

-- The balance of each account with a floor, kept by the triggers below; nothing else may write it. Writers queue up on
-- these rows in the order of their ids. `version` rises by one with every transfer on either side.
CREATE TABLE ledger.balances (
    account_id      integer PRIMARY KEY,
    version         integer NOT NULL,
    debits_posted   bigint NOT NULL CHECK (debits_posted >= 0),
    credits_posted  bigint NOT NULL CHECK (credits_posted >= 0),
    debits_pending  bigint NOT NULL CHECK (debits_pending >= 0),
    credits_pending bigint NOT NULL CHECK (credits_pending >= 0),
    floor           text NOT NULL CHECK (floor IN ('debit', 'credit')),
    CONSTRAINT not_below_zero CHECK (
        CASE floor WHEN 'debit' THEN debits_posted::numeric - credits_posted - credits_pending
                   ELSE credits_posted::numeric - debits_posted - debits_pending END >= 0
    )
) WITH (fillfactor = 70);

-- What is left of each held transfer, kept by the triggers below; a row goes when nothing is left.
CREATE TABLE ledger.open_holds (
    hold_position   bigint NOT NULL,
    remaining_minor bigint NOT NULL CONSTRAINT not_more_than_held CHECK (remaining_minor >= 0),
    expires_at      timestamptz,
    debit           integer NOT NULL,
    credit          integer NOT NULL,
    number          smallint NOT NULL,
    PRIMARY KEY (hold_position, number)
);
CREATE INDEX open_holds_by_debit ON ledger.open_holds (debit);
CREATE INDEX open_holds_by_credit ON ledger.open_holds (credit);
CREATE INDEX open_holds_by_end ON ledger.open_holds (expires_at) WHERE expires_at IS NOT NULL;

-- Accounts without a floor that an amount of 10^12 units or more has touched: only theirs are counted, one writer at a
-- time, before more is posted, so that no counter ever passes 64 bits.
CREATE TABLE ledger.large_accounts (account_id integer PRIMARY KEY);

-- What was taken: neither refused nor the voiding of a hold.
CREATE VIEW ledger.entries AS
    SELECT r.* FROM ledger.requests r
     WHERE r.act <> 'void' AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position);

CREATE VIEW ledger.held_transfers AS
    SELECT t.position AS hold_position, t.number, t.debit, t.credit, t.amount_minor,
           coalesce(o.remaining_minor, 0) AS remaining_minor
      FROM ledger.transfers t
      LEFT JOIN ledger.open_holds o ON o.hold_position = t.position AND o.number = t.number
     WHERE t.pending;

-- ── what keeps it true ─────────────────────────────────────────────────────────────────────────────────────────────

-- The digest of what makes two requests the same: `refers` and `corrects` by their ids, `transfers` as one line each of
-- debit, credit, currency and amount with tabs between. When we first knew of it and the template's version are left
-- out: the first recording stands, and a template that now writes other transfers is caught by these.
CREATE FUNCTION ledger.body_digest(
    act text, refers text, corrects text, expires_at timestamptz, flow text, value_date date, original_date date,
    occurred_at timestamptz, correlation jsonb, reason text, transfers text
) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(
        replace(
            act || E'\x1f' || coalesce(refers, '') || E'\x1f' || coalesce(corrects, '') || E'\x1f' || flow || E'\x1f'
            || correlation::text || E'\x1f' || reason || E'\x1f' || transfers, '\', '\\'
        )::bytea
        || timestamptz_send(occurred_at) || date_send(value_date)
        || coalesce(timestamptz_send(expires_at), ''::bytea) || coalesce(date_send(original_date), ''::bytea)
    )
$$;

-- Each function below reaches rows by their keys alone. Their plans are kept for a session, so that one made for a batch
-- of thousands would read whole tables for every single entry after it.

-- Look up accounts, then lock what a batch needs: the entries it refers to and its accounts with a floor, each in one
-- order everywhere, so that no two writers wait for each other; and say how everything stands under the locks.
-- Unless `openings`, nothing is locked when an account with a floor has to be opened: that needs a savepoint first.
CREATE FUNCTION ledger.prepare(
    names text[], currencies text[], floors boolean[], entry_ids text[], targets bigint[], openings boolean,
    OUT account_ids integer[], OUT locked_ids integer[], OUT versions integer[],
    OUT debits_posted bigint[], OUT credits_posted bigint[], OUT debits_pending bigint[], OUT credits_pending bigint[],
    OUT known text[], OUT closed_through date, OUT large_ids integer[],
    OUT held_positions bigint[], OUT held_numbers smallint[], OUT held_minor bigint[],
    OUT resolved_positions bigint[], OUT resolved_acts text[], OUT resolved_ids text[], OUT opens boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    -- The transaction has its id before it reads a closed date or draws a position: who closes a period or seals can
    -- tell by the ids of running transactions whom to wait for.
    PERFORM pg_current_xact_id();
    SELECT array_agg(a.account_id ORDER BY w.ordinality), coalesce(bool_or(a.account_id IS NULL AND w.floor), false)
      INTO account_ids, opens
      FROM unnest(names, currencies, floors) WITH ORDINALITY AS w (account, currency, floor)
      LEFT JOIN ledger.accounts a ON a.account = w.account AND a.currency = w.currency;
    IF opens AND NOT openings THEN
        RETURN;
    END IF;
    IF cardinality(targets) > 0 THEN
        PERFORM FROM ledger.requests r WHERE r.position = ANY (targets) ORDER BY r.position FOR NO KEY UPDATE;
    END IF;
    SELECT array_agg(l.account_id), array_agg(l.version), array_agg(l.debits_posted), array_agg(l.credits_posted),
           array_agg(l.debits_pending), array_agg(l.credits_pending)
      INTO locked_ids, versions, debits_posted, credits_posted, debits_pending, credits_pending
      FROM (SELECT b.account_id, b.version, b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending
              FROM ledger.balances b WHERE b.account_id = ANY (account_ids)
             ORDER BY b.account_id FOR NO KEY UPDATE) l;
    SELECT array_agg(r.entry_id) INTO known FROM ledger.requests r WHERE r.entry_id = ANY (entry_ids);
    SELECT max(p.through) INTO closed_through FROM ledger.periods p;
    SELECT array_agg(l.account_id) INTO large_ids FROM ledger.large_accounts l WHERE l.account_id = ANY (account_ids);
    IF cardinality(targets) > 0 THEN
        SELECT array_agg(o.hold_position), array_agg(o.number), array_agg(o.remaining_minor)
          INTO held_positions, held_numbers, held_minor
          FROM ledger.open_holds o WHERE o.hold_position = ANY (targets);
        SELECT array_agg(r.refers_to), array_agg(r.act), array_agg(r.entry_id)
          INTO resolved_positions, resolved_acts, resolved_ids
          FROM ledger.requests r
         WHERE r.refers_to = ANY (targets) AND r.act IN ('void', 'reverse')
           AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.prepare FROM PUBLIC;

-- Write what was decided under the locks of `prepare`. Transfers and hold events name their request by its place in the
-- batch; a transfer's account is its id, or less than zero its place among the accounts to open. False when somebody
-- else has meanwhile taken an id or opened an account with a floor: the caller undoes what it has, and looks again.
CREATE FUNCTION ledger.write(
    -- requests
    entry_ids text[], acts text[], flows text[], template_versions smallint[], value_dates date[],
    original_dates date[], occurred timestamptz[], recorded timestamptz[], expires timestamptz[], correlations text[],
    refers text[], refers_to bigint[], correct_ids text[], corrects bigint[], reasons text[], bodies text[],
    counts smallint[], refusals text[],
    -- accounts to open
    names text[], currencies text[], patterns text[], kinds text[], normals text[], floors boolean[],
    -- transfers
    places integer[], numbers smallint[], debits integer[], credits integer[], amounts bigint[],
    debit_versions integer[], credit_versions integer[],
    -- hold events
    resolvers integer[], hold_positions bigint[], hold_numbers smallint[], events text[], released bigint[]
) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    positions bigint[];
    opened integer[];
    made integer;
BEGIN
    IF cardinality(names) > 0 THEN
        WITH made AS (
            INSERT INTO ledger.accounts (account, currency, pattern, kind, normal, floor)
            SELECT * FROM unnest(names, currencies, patterns, kinds, normals, floors) AS w (account, currency)
             ORDER BY w.account, w.currency
                ON CONFLICT DO NOTHING RETURNING floor
        )
        SELECT count(*) FILTER (WHERE floor) INTO made FROM made;
        IF made < (SELECT count(*) FROM unnest(floors) AS f (floor) WHERE floor) THEN
            RETURN false;
        END IF;
        SELECT array_agg(a.account_id ORDER BY w.ordinality) INTO opened
          FROM unnest(names, currencies) WITH ORDINALITY AS w (account, currency)
          JOIN ledger.accounts a ON a.account = w.account AND a.currency = w.currency;
    END IF;
    positions := ARRAY(SELECT nextval('ledger.positions') FROM generate_series(1, cardinality(entry_ids)));
    INSERT INTO ledger.requests (position, occurred_at, recorded_at, expires_at, refers_to, corrects, value_date,
                                 original_date, template_version, transfer_count, act, flow, entry_id, reason, digest,
                                 correlation)
    SELECT u.position, u.occurred_at, u.recorded_at, u.expires_at, u.refers_to, u.corrects, u.value_date,
           u.original_date, u.template_version, u.transfer_count, u.act, u.flow, u.entry_id, u.reason,
           ledger.body_digest(u.act, u.refers, u.correct_id, u.expires_at, u.flow, u.value_date, u.original_date,
                              u.occurred_at, u.correlation::jsonb, u.reason, u.body),
           u.correlation::jsonb
      FROM unnest(positions, occurred, recorded, expires, refers_to, corrects, value_dates, original_dates,
                  template_versions, counts, acts, flows, entry_ids, reasons, correlations, refers, correct_ids, bodies)
           AS u (position, occurred_at, recorded_at, expires_at, refers_to, corrects, value_date, original_date,
                 template_version, transfer_count, act, flow, entry_id, reason, correlation, refers, correct_id, body)
     ORDER BY u.entry_id
        ON CONFLICT (entry_id) DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    IF made < cardinality(entry_ids) THEN
        RETURN false;
    END IF;
    IF cardinality(resolvers) > 0 THEN  -- before the transfers: until then the held amount counts twice
        INSERT INTO ledger.hold_events (hold_position, resolver, amount_minor, number, event)
        SELECT u.hold_position, positions[u.resolver], u.amount_minor, u.number, u.event
          FROM unnest(hold_positions, resolvers, released, hold_numbers, events)
               AS u (hold_position, resolver, amount_minor, number, event);
    END IF;
    IF cardinality(places) > 0 THEN
        INSERT INTO ledger.transfers (position, amount_minor, debit, credit, debit_version, credit_version, number,
                                      pending)
        SELECT positions[u.place], u.amount_minor,
               CASE WHEN u.debit > 0 THEN u.debit ELSE opened[-u.debit] END,
               CASE WHEN u.credit > 0 THEN u.credit ELSE opened[-u.credit] END,
               u.debit_version, u.credit_version, u.number, acts[u.place] = 'hold'
          FROM unnest(places, amounts, debits, credits, debit_versions, credit_versions, numbers)
               AS u (place, amount_minor, debit, credit, debit_version, credit_version, number);
    END IF;
    INSERT INTO ledger.refusals (position, reasons)
    SELECT u.position, u.reasons::jsonb
      FROM unnest(positions, refusals) AS u (position, reasons) WHERE u.reasons IS NOT NULL;
    RETURN true;
END
$$;

-- Wait until every transaction of this moment has ended, at most so many seconds; nobody waits for who waits here. After
-- a closed period was announced, whoever comes later sees it, and whoever came before has then ended.
CREATE FUNCTION ledger.wait_for_writers(seconds integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    boundary xid8 := pg_snapshot_xmax(pg_current_snapshot());
    until timestamptz := clock_timestamp() + make_interval(secs => seconds);
BEGIN
    WHILE pg_snapshot_xmin(pg_current_snapshot()) < boundary LOOP
        IF clock_timestamp() > until THEN
            RETURN false;
        END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RETURN true;
END
$$;

-- An entry's transfers come all at once, and the balances follow them. Accounts with a floor are locked by whoever
-- writes; their versions rise without a gap, or the row to update is not found.
CREATE FUNCTION ledger.apply_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    closed date := (SELECT max(p.through) FROM ledger.periods p);
    fault text;
    stale bigint;
BEGIN
    SELECT format('entry %s: %s of its %s transfers, numbered from %s to %s', coalesce(r.entry_id, e.position::text),
                  e.found, coalesce(r.transfer_count, 0), e.lowest, e.highest)
      INTO fault
      FROM (SELECT a.position, count(*) AS found, min(a.number) AS lowest, max(a.number) AS highest,
                   bool_and(a.pending) AS pending, bool_or(a.pending) AS partly
              FROM added a GROUP BY a.position) e
      LEFT JOIN ledger.requests r ON r.position = e.position
     WHERE r.position IS NULL OR e.found <> r.transfer_count OR e.lowest <> 1 OR e.highest <> e.found
        OR e.pending <> (r.act = 'hold') OR e.partly <> e.pending
        OR (r.value_date <= closed AND r.flow <> 'F44')
        OR EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)
     LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'a whole entry that was asked for, was not refused and is in an open period, not %', fault
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM added t
                 LEFT JOIN ledger.accounts d ON d.account_id = t.debit
                 LEFT JOIN ledger.accounts c ON c.account_id = t.credit
                WHERE d.currency IS DISTINCT FROM c.currency OR d.currency IS NULL) THEN
        RAISE EXCEPTION 'a transfer is between two accounts of one currency'
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    WITH moved AS MATERIALIZED (
        SELECT s.account_id, count(*)::integer AS sides, count(s.version) AS versioned,
               min(s.version) AS lowest, max(s.version) AS highest,
               coalesce(sum(s.amount_minor) FILTER (WHERE s.debit AND NOT s.pending), 0)::bigint AS debits_posted,
               coalesce(sum(s.amount_minor) FILTER (WHERE NOT s.debit AND NOT s.pending), 0)::bigint AS credits_posted,
               coalesce(sum(s.amount_minor) FILTER (WHERE s.debit AND s.pending), 0)::bigint AS debits_pending,
               coalesce(sum(s.amount_minor) FILTER (WHERE NOT s.debit AND s.pending), 0)::bigint AS credits_pending
          FROM (SELECT debit AS account_id, debit_version AS version, true AS debit, pending, amount_minor FROM added
                UNION ALL
                SELECT credit, credit_version, false, pending, amount_minor FROM added) s
         GROUP BY s.account_id
    ), changed AS (
        UPDATE ledger.balances b
           SET version = m.highest,
               debits_posted = b.debits_posted + m.debits_posted, credits_posted = b.credits_posted + m.credits_posted,
               debits_pending = b.debits_pending + m.debits_pending,
               credits_pending = b.credits_pending + m.credits_pending
          FROM moved m
         WHERE b.account_id = m.account_id AND b.version = m.lowest - 1 AND m.lowest > 1
     RETURNING b.account_id
    ), opened AS (
        INSERT INTO ledger.balances (account_id, version, debits_posted, credits_posted, debits_pending,
                                     credits_pending, floor)
        SELECT m.account_id, m.highest, m.debits_posted, m.credits_posted, m.debits_pending, m.credits_pending, a.normal
          FROM moved m JOIN ledger.accounts a ON a.account_id = m.account_id
         WHERE m.lowest = 1 AND a.floor
     RETURNING account_id
    )
    SELECT count(*) INTO stale
      FROM moved m JOIN ledger.accounts a ON a.account_id = m.account_id
     WHERE CASE WHEN a.floor
                THEN m.versioned <> m.sides OR m.highest <> m.lowest + m.sides - 1
                     OR (m.lowest > 1 AND m.account_id NOT IN (SELECT c.account_id FROM changed c))
                ELSE m.versioned > 0 END;
    IF stale > 0 THEN
        RAISE EXCEPTION 'the versions of % accounts do not continue theirs', stale
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM added WHERE amount_minor >= 1000000000000) THEN
        INSERT INTO ledger.large_accounts (account_id)
        SELECT DISTINCT a.account_id
          FROM added t JOIN ledger.accounts a ON a.account_id IN (t.debit, t.credit)
         WHERE t.amount_minor >= 1000000000000 AND NOT a.floor
         ORDER BY a.account_id
            ON CONFLICT DO NOTHING;
    END IF;
    IF EXISTS (SELECT FROM added WHERE pending) THEN
        INSERT INTO ledger.open_holds (hold_position, remaining_minor, expires_at, debit, credit, number)
        SELECT t.position, t.amount_minor, r.expires_at, t.debit, t.credit, t.number
          FROM added t JOIN ledger.requests r ON r.position = t.position WHERE t.pending;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER apply_transfers AFTER INSERT ON ledger.transfers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_transfers();

CREATE FUNCTION ledger.apply_hold_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    taken bigint;
BEGIN
    WITH released AS (
        SELECT a.hold_position, a.number, sum(a.amount_minor)::bigint AS minor
          FROM added a GROUP BY a.hold_position, a.number
    ), reduced AS (
        UPDATE ledger.open_holds o SET remaining_minor = o.remaining_minor - r.minor
          FROM released r WHERE o.hold_position = r.hold_position AND o.number = r.number
     RETURNING o.debit, o.credit, r.minor
    ), sides AS (
        SELECT s.account_id, sum(s.minor) FILTER (WHERE s.debit) AS debits, sum(s.minor) FILTER (WHERE NOT s.debit)
               AS credits
          FROM (SELECT debit AS account_id, true AS debit, minor FROM reduced
                UNION ALL SELECT credit, false, minor FROM reduced) s
         GROUP BY s.account_id
    ), changed AS (
        UPDATE ledger.balances b
           SET debits_pending = b.debits_pending - coalesce(s.debits, 0)::bigint,
               credits_pending = b.credits_pending - coalesce(s.credits, 0)::bigint
          FROM sides s WHERE b.account_id = s.account_id
    )
    SELECT (SELECT count(*) FROM released) - (SELECT count(*) FROM reduced) INTO taken;
    IF taken <> 0 THEN
        RAISE EXCEPTION '% transfers are not held, or nothing of them is left', taken
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    DELETE FROM ledger.open_holds o
     USING added a WHERE o.hold_position = a.hold_position AND o.number = a.number AND o.remaining_minor = 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER apply_hold_events AFTER INSERT ON ledger.hold_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_hold_events();

CREATE FUNCTION ledger.check_refusals() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN ledger.transfers t ON t.position = added.position) THEN
        RAISE EXCEPTION 'a recorded entry cannot be refused' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER check_refusals AFTER INSERT ON ledger.refusals
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_refusals();

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '%.% is only ever added to: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, lower(TG_OP)
          USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.requests
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.hold_events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.refusals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.periods
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.large_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
-- Balances and open holds follow transfers and hold events; no statement of its own may touch them.
CREATE TRIGGER kept_by_triggers BEFORE INSERT OR UPDATE OR DELETE ON ledger.balances
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.balances
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER kept_by_triggers BEFORE INSERT OR UPDATE OR DELETE ON ledger.open_holds
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.open_holds
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- ── who may do what ────────────────────────────────────────────────────────────────────────────────────────────────

GRANT USAGE ON SCHEMA ledger TO tranche_application;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO tranche_application;
GRANT INSERT ON ledger.requests, ledger.accounts, ledger.transfers, ledger.hold_events, ledger.refusals, ledger.periods,
                ledger.outbox
   TO tranche_application;
GRANT USAGE ON SEQUENCE ledger.positions TO tranche_application;
GRANT EXECUTE ON FUNCTION ledger.prepare TO tranche_application;
