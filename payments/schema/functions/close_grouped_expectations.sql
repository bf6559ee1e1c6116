-- An expectation in a group is met. Only what is open may be, from a state that a match may follow. For the settings see
-- `close_grouped_lines`.
CREATE OR REPLACE FUNCTION payments.close_grouped_expectations() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    wrong record;
BEGIN
    SELECT a.expectation_id, coalesce(o.state, 'closed') AS state INTO wrong
      FROM added a
      JOIN payments.match_groups g USING (group_id)
      LEFT JOIN payments.open_expectations o USING (expectation_id)
     WHERE NOT EXISTS (SELECT FROM payments.expectation_steps s
                        WHERE s.from_state = o.state AND s.to_state = payments.matched_state(g.rule))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'expectation % is % and cannot be matched', wrong.expectation_id, wrong.state
            USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM payments.open_expectations o USING added WHERE o.expectation_id = added.expectation_id;
    RETURN NULL;
END $$;
