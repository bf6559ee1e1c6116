-- The state of an expectation that a group closed, by the group's rule.
CREATE OR REPLACE FUNCTION payments.matched_state(rule text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE rule WHEN 'tolerance' THEN 'matched_with_tolerance' WHEN 'rate' THEN 'matched_with_tolerance'
                     WHEN 'manual' THEN 'matched_manual' WHEN 'forced' THEN 'matched_forced'
                     ELSE 'matched_automatic' END
$$;
