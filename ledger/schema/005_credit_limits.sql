-- Credit limits: how far an account with a floor may fall below it. Each is a fact with who set it and why; the last one
-- holds. An account is opened by its first entry, so only one with a balance can have a limit.

CREATE TABLE ledger.credit_limits (
    account_id  integer NOT NULL,
    number      integer NOT NULL CHECK (number > 0),
    limit_minor bigint NOT NULL CHECK (limit_minor >= 0),
    set_by      text NOT NULL CHECK (set_by <> '' AND set_by = btrim(set_by)),
    reason      text NOT NULL CHECK (btrim(reason) <> ''),
    set_at      timestamptz NOT NULL,
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (account_id, number)
);
CREATE TRIGGER add_digest BEFORE INSERT ON ledger.credit_limits FOR EACH ROW EXECUTE FUNCTION ledger.add_row_digest();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.credit_limits
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.balances
    ADD COLUMN credit_limit_minor bigint NOT NULL DEFAULT 0 CHECK (credit_limit_minor >= 0),
    DROP CONSTRAINT not_below_zero,
    ADD CONSTRAINT within_limit CHECK (
        CASE floor WHEN 'debit' THEN debits_posted::numeric - credits_posted - credits_pending
                   ELSE credits_posted::numeric - debits_posted - debits_pending END >= -credit_limit_minor::numeric
    );

-- A limit takes its place after the account's others, and the balance follows: one that is already overdrawn by more
-- breaks the constraint above.
CREATE FUNCTION ledger.apply_credit_limit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE ledger.balances b SET credit_limit_minor = NEW.limit_minor WHERE b.account_id = NEW.account_id;
    IF NOT FOUND OR NEW.number <> (SELECT count(*) FROM ledger.credit_limits l WHERE l.account_id = NEW.account_id) THEN
        RAISE EXCEPTION 'limit % of account % does not follow its others, or it has no balance', NEW.number, NEW.account_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER apply_credit_limit AFTER INSERT ON ledger.credit_limits
    FOR EACH ROW EXECUTE FUNCTION ledger.apply_credit_limit();

GRANT SELECT, INSERT ON ledger.credit_limits TO tranche_application;

-- As in 001, with the limit of each balance.
DROP FUNCTION ledger.prepare;
CREATE FUNCTION ledger.prepare(
    names text[], currencies text[], floors boolean[], entry_ids text[], targets bigint[], openings boolean,
    OUT account_ids integer[], OUT locked_ids integer[], OUT versions integer[],
    OUT debits_posted bigint[], OUT credits_posted bigint[], OUT debits_pending bigint[], OUT credits_pending bigint[],
    OUT known text[], OUT closed_through date, OUT large_ids integer[],
    OUT held_positions bigint[], OUT held_numbers smallint[], OUT held_minor bigint[],
    OUT resolved_positions bigint[], OUT resolved_acts text[], OUT resolved_ids text[], OUT opens boolean,
    OUT credit_limits bigint[]
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
           array_agg(l.debits_pending), array_agg(l.credits_pending), array_agg(l.credit_limit_minor)
      INTO locked_ids, versions, debits_posted, credits_posted, debits_pending, credits_pending, credit_limits
      FROM (SELECT b.account_id, b.version, b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending,
                   b.credit_limit_minor
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
GRANT EXECUTE ON FUNCTION ledger.prepare TO tranche_application;

-- As in 002, with the last limit.
CREATE OR REPLACE VIEW ledger.derived_balances AS
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
           sum(s.credits_pending)::bigint AS credits_pending, a.normal AS floor,
           coalesce((SELECT l.limit_minor FROM ledger.credit_limits l WHERE l.account_id = a.account_id
                      ORDER BY l.number DESC LIMIT 1), 0) AS credit_limit_minor
      FROM sides s JOIN ledger.accounts a USING (account_id)
     WHERE a.floor
     GROUP BY a.account_id;
