-- What a line is booked together with: its payout, the other transfers of its account, or nothing.
CREATE OR REPLACE FUNCTION payments.unit_of_line(key text, payout_id text, account_id text, line_id text)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN key LIKE 'payout:%' THEN key
                WHEN payout_id IS NOT NULL THEN 'payout:' || payout_id
                WHEN account_id IS NOT NULL THEN 'account:' || account_id
                ELSE 'line:' || line_id END
$$;
