-- Whether an entry of a merchant's payable account is part of a payout, for acts on plans, which may not read payouts.
CREATE OR REPLACE FUNCTION lending.paid_to_merchant(entry text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN EXISTS (SELECT FROM payments.payout_items WHERE entry_id = entry);
END
$$;
