-- A move starts from the state in which its expectation is; one that ends the waiting takes it off the work list.
CREATE OR REPLACE FUNCTION payments.move_expectation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT a.expectation_id, s.state, a.from_state INTO wrong
      FROM added a
      LEFT JOIN payments.open_expectations o USING (expectation_id)
      LEFT JOIN payments.group_expectations c USING (expectation_id)
      LEFT JOIN payments.match_groups g USING (group_id)
      LEFT JOIN LATERAL (SELECT m.to_state FROM payments.expectation_moves m
                          WHERE m.expectation_id = a.expectation_id AND m.number < a.number
                          ORDER BY m.number DESC LIMIT 1) l ON true
     CROSS JOIN LATERAL (
        SELECT coalesce(o.state,
                        CASE WHEN l.to_state IN ('void', 'written_off', 'reversed', 'archived') THEN l.to_state END,
                        payments.matched_state(g.rule))) s (state)
     WHERE s.state IS DISTINCT FROM a.from_state LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'expectation % is %, not %', wrong.expectation_id, wrong.state, wrong.from_state
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE payments.open_expectations o SET state = a.to_state FROM added a WHERE o.expectation_id = a.expectation_id;
    DELETE FROM payments.open_expectations o USING added a
     WHERE o.expectation_id = a.expectation_id AND a.to_state IN ('void', 'written_off', 'reversed', 'archived');
    INSERT INTO payments.open_expectations (expectation_id, leg, expected_on, due_by)
    SELECT e.expectation_id, e.leg, e.expected_on, e.due_by
      FROM added a JOIN payments.expectations e USING (expectation_id)
     WHERE a.to_state = 'expected';
    RETURN NULL;
END $$;
