-- Who changes breaks in this transaction, since when and why: the act that announced itself, or else the program.
CREATE OR REPLACE FUNCTION payments.who_acts_on_breaks()
RETURNS TABLE (act_id text, actor text, reason text, on_day date, at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT said ->> 'act_id', coalesce(said ->> 'actor', 'payments'), said ->> 'reason', (said ->> 'on_day')::date,
           coalesce((said ->> 'at')::timestamptz, now())
      FROM (SELECT nullif(current_setting('tranche.break_act', true), '')::jsonb) AS announced (said)
$$;
