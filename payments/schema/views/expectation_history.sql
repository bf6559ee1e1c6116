-- Everything that happened to an expectation, in order: what made it, its moves, and the group that closed it.
CREATE VIEW payments.expectation_history AS
SELECT expectation_id, 0 AS number, NULL AS from_state, 'expected' AS to_state, 'expectation' AS rule,
       'reconciliation' AS actor, created_by AS reason, expected_on AS moved_on
  FROM payments.expectations
 UNION ALL
SELECT expectation_id, number, from_state, to_state, rule, actor, reason, moved_on FROM payments.expectation_moves
 UNION ALL
SELECT c.expectation_id, 1 + (SELECT count(*)::integer FROM payments.expectation_moves m
                               WHERE m.expectation_id = c.expectation_id),
       coalesce((SELECT m.to_state FROM payments.expectation_moves m
                  WHERE m.expectation_id = c.expectation_id ORDER BY m.number DESC LIMIT 1), 'expected'),
       payments.matched_state(g.rule), g.rule || '-' || g.rule_version, 'reconciliation', 'match:' || g.group_id,
       g.matched_on
  FROM payments.group_expectations c JOIN payments.match_groups g USING (group_id);
