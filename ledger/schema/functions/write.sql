-- Write what was decided under the locks of `prepare`. Transfers and hold events name their request by its place in the
-- batch; a transfer's account is its id, or less than zero its place among the accounts to open. False when somebody
-- else has meanwhile taken an id or opened an account with a floor: the caller undoes what it has, and looks again.
-- Its settings are there for the reason that `prepare` gives.
CREATE OR REPLACE FUNCTION ledger.write(
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
