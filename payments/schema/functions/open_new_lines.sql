-- New lines wait to be matched.
CREATE OR REPLACE FUNCTION payments.open_new_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments.open_lines
    SELECT line_key, payments.unit_of_line(key, payout_id, account_id, line_id), booked_on, amount_minor
      FROM added WHERE kind NOT IN ('fee', 'fee_returned', 'reserve_held', 'payout', 'payout_taken');
    RETURN NULL;
END $$;
