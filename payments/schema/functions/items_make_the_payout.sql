-- The items of a payout add up to its amount.
CREATE OR REPLACE FUNCTION payments.items_make_the_payout() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT p.payout_id INTO wrong
      FROM payments.merchant_payouts p
     WHERE p.payout_id IN (SELECT payout_id FROM added)
       AND p.amount_minor <> (SELECT sum(i.amount_minor) FROM payments.payout_items i WHERE i.payout_id = p.payout_id);
    IF FOUND THEN
        RAISE EXCEPTION 'the items of payout % do not add up to it', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
