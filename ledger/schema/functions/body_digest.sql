-- The digest of the fields that two requests under one id must have in common: `refers` and `corrects` are ids, and
-- `transfers` has one line each of debit, credit, currency and amount, separated by tabs. `recorded_at` and the
-- template version are left out: the first recording stands, and a newer template that writes other transfers differs
-- in `transfers`.
CREATE OR REPLACE FUNCTION ledger.body_digest(
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
