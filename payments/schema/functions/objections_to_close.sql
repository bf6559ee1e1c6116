-- Why the books may not be closed now: statements that the books do not explain. For whoever closes a period, who may
-- not read breaks.
CREATE OR REPLACE FUNCTION payments.objections_to_close() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT b.class || ' is open: ' || b.reason FROM payments.breaks b
     WHERE b.class = 'E26' AND b.closed_on IS NULL ORDER BY b.opened_on, b.break_id
$$;
GRANT EXECUTE ON FUNCTION payments.objections_to_close TO tranche_application;
