-- The books: append-only requests and transfers, and the balances that the database itself keeps from them.
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

-- Everything ever asked of the books, under the id of its business event. Its transfers or its refusal say how it went.
CREATE TABLE ledger.requests (
    entry_id         text PRIMARY KEY CHECK (entry_id <> ''),
    position         bigint NOT NULL UNIQUE,
    act              text NOT NULL CHECK (act IN ('post', 'hold', 'post_hold')),
    pending          boolean NOT NULL GENERATED ALWAYS AS (act = 'hold') STORED,
    flow             text NOT NULL,
    template_version integer NOT NULL,
    value_date       date NOT NULL,
    occurred_at      timestamptz NOT NULL,
    recorded_at      timestamptz NOT NULL,
    correlation      jsonb NOT NULL CHECK (jsonb_typeof(correlation) = 'object'),
    hold_id          text REFERENCES ledger.requests (entry_id),
    expires_at       timestamptz,
    transfer_count   integer NOT NULL CHECK (transfer_count > 0),
    body_digest      text NOT NULL CHECK (body_digest ~ '^[0-9a-f]{64}$'),  -- of what makes two requests the same
    digest           text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),       -- of everything
    CHECK ((act = 'post_hold') = (hold_id IS NOT NULL)),
    CHECK (act = 'hold' OR expires_at IS NULL),
    UNIQUE (entry_id, transfer_count, pending)
);
CREATE INDEX requests_by_correlation ON ledger.requests USING gin (correlation jsonb_path_ops);
CREATE INDEX requests_by_hold ON ledger.requests (hold_id) WHERE hold_id IS NOT NULL;

-- A balance per account and currency, kept by the triggers below; nothing else may write it. A row of zeros may stand
-- for an account that was only ever asked about: it is what writers queue up on.
CREATE TABLE ledger.balances (
    account         text NOT NULL,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    floor           text NOT NULL CHECK (floor IN ('none', 'debit', 'credit')),
    debits_posted   bigint NOT NULL DEFAULT 0 CHECK (debits_posted >= 0),
    credits_posted  bigint NOT NULL DEFAULT 0 CHECK (credits_posted >= 0),
    debits_pending  bigint NOT NULL DEFAULT 0 CHECK (debits_pending >= 0),
    credits_pending bigint NOT NULL DEFAULT 0 CHECK (credits_pending >= 0),
    PRIMARY KEY (account, currency),
    CONSTRAINT not_below_zero CHECK (
        floor = 'none'
        OR (floor = 'debit' AND debits_posted::numeric - credits_posted - credits_pending >= 0)
        OR (floor = 'credit' AND credits_posted::numeric - debits_posted - debits_pending >= 0)
    )
);

-- The accounts that have ever been written to, as the chart described them when the first entry touched them.
CREATE TABLE ledger.accounts (
    account   text NOT NULL,
    currency  text NOT NULL,
    pattern   text NOT NULL,
    kind      text NOT NULL,
    normal    text NOT NULL CHECK (normal IN ('debit', 'credit')),
    opened_by text NOT NULL REFERENCES ledger.requests (entry_id),
    PRIMARY KEY (account, currency),
    FOREIGN KEY (account, currency) REFERENCES ledger.balances (account, currency)
);

-- One positive amount from one account to another, both in one currency: an unbalanced one cannot be written. Numbered
-- within its entry, so none can be doubled. Those of a hold are pending.
CREATE TABLE ledger.transfers (
    entry_id       text NOT NULL,
    number         integer NOT NULL,
    transfer_count integer NOT NULL,
    pending        boolean NOT NULL,
    debit_account  text NOT NULL,
    credit_account text NOT NULL,
    currency       text NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (entry_id, number),
    UNIQUE (entry_id, number, pending),
    CHECK (number BETWEEN 1 AND transfer_count),
    CHECK (debit_account <> credit_account),
    FOREIGN KEY (entry_id, transfer_count, pending) REFERENCES ledger.requests (entry_id, transfer_count, pending),
    FOREIGN KEY (debit_account, currency) REFERENCES ledger.accounts (account, currency),
    FOREIGN KEY (credit_account, currency) REFERENCES ledger.accounts (account, currency)
);
CREATE INDEX transfers_by_debit ON ledger.transfers (debit_account, currency);
CREATE INDEX transfers_by_credit ON ledger.transfers (credit_account, currency);

-- What became of a held transfer: posted by an entry, in part or in full, or voided. What is left of it is still held.
CREATE TABLE ledger.hold_events (
    hold_id      text NOT NULL,
    number       integer NOT NULL,
    held         boolean NOT NULL DEFAULT true CHECK (held),
    event        text NOT NULL CHECK (event IN ('posted', 'voided')),
    entry_id     text REFERENCES ledger.requests (entry_id),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    happened_at  timestamptz NOT NULL,
    reason       text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (hold_id, number, event, entry_id),
    CHECK ((event = 'posted') = (entry_id IS NOT NULL)),
    FOREIGN KEY (hold_id, number, held) REFERENCES ledger.transfers (entry_id, number, pending)
);

-- The answer to a request that wrote nothing: every reason, given again to whoever repeats it.
CREATE TABLE ledger.refusals (
    entry_id text PRIMARY KEY REFERENCES ledger.requests (entry_id),
    reasons  jsonb NOT NULL CHECK (jsonb_typeof(reasons) = 'array' AND jsonb_array_length(reasons) > 0),
    digest   text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$')
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

CREATE VIEW ledger.entries AS
    SELECT r.* FROM ledger.requests r
     WHERE NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.entry_id = r.entry_id);

CREATE VIEW ledger.held_transfers AS
    SELECT t.entry_id AS hold_id, t.number, t.debit_account, t.credit_account, t.currency, t.amount_minor,
           t.amount_minor - coalesce(sum(e.amount_minor), 0)::bigint AS remaining_minor,
           coalesce(bool_or(e.event = 'voided'), false) AS voided
      FROM ledger.transfers t
      LEFT JOIN ledger.hold_events e ON e.hold_id = t.entry_id AND e.number = t.number
     WHERE t.pending
     GROUP BY t.entry_id, t.number;

-- ── what keeps it true ─────────────────────────────────────────────────────────────────────────────────────────────

-- Each function below reaches rows by their keys alone. Their plans are kept for a session, so that one made for a batch
-- of thousands would read whole tables for every single entry after it.

-- Queue up for accounts in one order everywhere, so that no two writers wait for each other, and say what they hold.
CREATE FUNCTION ledger.lock_balances(wanted_accounts text[], wanted_currencies text[], floors text[])
RETURNS TABLE (account text, currency text, debits_posted bigint, credits_posted bigint,
               debits_pending bigint, credits_pending bigint, opened boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO ledger.balances (account, currency, floor)
    SELECT w.account, w.currency, w.floor
      FROM unnest(wanted_accounts, wanted_currencies, floors) AS w (account, currency, floor)
     ORDER BY w.account, w.currency
        ON CONFLICT DO NOTHING;
    RETURN QUERY
    SELECT b.account, b.currency, b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending,
           EXISTS (SELECT FROM ledger.accounts a WHERE a.account = b.account AND a.currency = b.currency)
      FROM ledger.balances b
      JOIN unnest(wanted_accounts, wanted_currencies) AS w (account, currency)
        ON w.account = b.account AND w.currency = b.currency
     ORDER BY b.account, b.currency
       FOR UPDATE OF b;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.lock_balances FROM PUBLIC;

CREATE FUNCTION ledger.apply_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN ledger.refusals f ON f.entry_id = added.entry_id) THEN
        RAISE EXCEPTION 'a refused request has no transfers' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE ledger.balances b
       SET debits_posted = b.debits_posted + m.debits_posted, credits_posted = b.credits_posted + m.credits_posted,
           debits_pending = b.debits_pending + m.debits_pending,
           credits_pending = b.credits_pending + m.credits_pending
      FROM (
        SELECT s.account, s.currency,
               coalesce(sum(s.amount_minor) FILTER (WHERE s.debit AND NOT s.pending), 0)::bigint AS debits_posted,
               coalesce(sum(s.amount_minor) FILTER (WHERE NOT s.debit AND NOT s.pending), 0)::bigint AS credits_posted,
               coalesce(sum(s.amount_minor) FILTER (WHERE s.debit AND s.pending), 0)::bigint AS debits_pending,
               coalesce(sum(s.amount_minor) FILTER (WHERE NOT s.debit AND s.pending), 0)::bigint AS credits_pending
          FROM (SELECT debit_account AS account, currency, true AS debit, pending, amount_minor FROM added
                UNION ALL
                SELECT credit_account, currency, false, pending, amount_minor FROM added) s
         GROUP BY s.account, s.currency
      ) m
     WHERE b.account = m.account AND b.currency = m.currency;
    RETURN NULL;
END
$$;
CREATE TRIGGER apply_transfers AFTER INSERT ON ledger.transfers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_transfers();

CREATE FUNCTION ledger.apply_hold_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    UPDATE ledger.balances b
       SET debits_pending = b.debits_pending - m.debits, credits_pending = b.credits_pending - m.credits
      FROM (
        SELECT s.account, s.currency, coalesce(sum(s.amount_minor) FILTER (WHERE s.debit), 0)::bigint AS debits,
               coalesce(sum(s.amount_minor) FILTER (WHERE NOT s.debit), 0)::bigint AS credits
          FROM (SELECT t.debit_account AS account, t.currency, true AS debit, a.amount_minor
                  FROM added a JOIN ledger.transfers t ON t.entry_id = a.hold_id AND t.number = a.number
                UNION ALL
                SELECT t.credit_account, t.currency, false, a.amount_minor
                  FROM added a JOIN ledger.transfers t ON t.entry_id = a.hold_id AND t.number = a.number) s
         GROUP BY s.account, s.currency
      ) m
     WHERE b.account = m.account AND b.currency = m.currency;
    -- The balances above are locked now, so no other event of these holds can be under way.
    IF EXISTS (
        SELECT FROM added a JOIN ledger.transfers t ON t.entry_id = a.hold_id AND t.number = a.number
         WHERE t.amount_minor < (SELECT sum(e.amount_minor) FROM ledger.hold_events e
                                  WHERE e.hold_id = a.hold_id AND e.number = a.number)
    ) THEN
        RAISE EXCEPTION 'more of a hold is posted or voided than was held'
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER apply_hold_events AFTER INSERT ON ledger.hold_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_hold_events();

CREATE FUNCTION ledger.check_refusals() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN ledger.transfers t ON t.entry_id = added.entry_id) THEN
        RAISE EXCEPTION 'a recorded entry cannot be refused' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER check_refusals AFTER INSERT ON ledger.refusals
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_refusals();

-- At commit a request has all of its transfers, or its refusal.
CREATE FUNCTION ledger.check_whole() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    found integer := (SELECT count(*) FROM ledger.transfers t WHERE t.entry_id = NEW.entry_id);
BEGIN
    IF found = NEW.transfer_count THEN
        RETURN NULL;
    END IF;
    IF found = 0 AND EXISTS (SELECT FROM ledger.refusals f WHERE f.entry_id = NEW.entry_id) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'entry % has % of its % transfers', NEW.entry_id, found, NEW.transfer_count
          USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE CONSTRAINT TRIGGER check_whole AFTER INSERT ON ledger.requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.check_whole();

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '%.% is only ever added to: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, lower(TG_OP)
          USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.requests
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.hold_events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.refusals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
-- Balances follow transfers and hold events; no statement of its own may touch them.
CREATE TRIGGER kept_by_triggers BEFORE UPDATE OR DELETE ON ledger.balances
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.balances
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- ── who may do what ────────────────────────────────────────────────────────────────────────────────────────────────

GRANT USAGE ON SCHEMA ledger TO tranche_application;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO tranche_application;
GRANT INSERT ON ledger.requests, ledger.accounts, ledger.transfers, ledger.hold_events, ledger.refusals, ledger.outbox
   TO tranche_application;
GRANT USAGE ON SEQUENCE ledger.positions TO tranche_application;
GRANT EXECUTE ON FUNCTION ledger.lock_balances TO tranche_application;
