-- The state of every expectation: on the work list, or by the move that closed it, or by its group.
CREATE VIEW payments.expectation_states AS
SELECT e.expectation_id,
       coalesce(o.state,
                CASE WHEN l.to_state IN ('void', 'written_off', 'reversed', 'archived') THEN l.to_state END,
                payments.matched_state(g.rule)) AS state
  FROM payments.expectations e
  LEFT JOIN LATERAL (SELECT m.to_state FROM payments.expectation_moves m
                      WHERE m.expectation_id = e.expectation_id ORDER BY m.number DESC LIMIT 1) l ON true
  LEFT JOIN payments.open_expectations o USING (expectation_id)
  LEFT JOIN payments.group_expectations c USING (expectation_id)
  LEFT JOIN payments.match_groups g USING (group_id);
