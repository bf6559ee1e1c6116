-- A plan stands somewhere from the moment it is agreed: nothing is captured yet, so nothing is owed.
CREATE OR REPLACE FUNCTION lending.open_standing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO lending.plan_standing (plan_id, status, folded_through)
    SELECT plan_id, 'agreed', opened_on FROM added;
    RETURN NULL;
END
$$;
