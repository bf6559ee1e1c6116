-- The digest of what makes two requests the same: `refers` and `corrects` by their ids, `transfers` as one line each of
-- debit, credit, currency and amount with tabs between. When we first knew of it and the template's version are left
-- out: the first recording stands, and a template that now writes other transfers is caught by these.
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
