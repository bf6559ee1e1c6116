-- A fact of the outbox carries the hash of what was written.
CREATE OR REPLACE FUNCTION ledger.outbox_digest(fact ledger.outbox) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(
        replace((fact).event_id || E'\x1f' || (fact).event_type || E'\x1f' || (fact).key || E'\x1f'
                || (fact).payload::text, '\', '\\')::bytea
        || int8send((fact).position) || timestamptz_send((fact).occurred_at) || timestamptz_send((fact).recorded_at)
    )
$$;
