-- Each line of a group with each expectation that the group closes.
CREATE VIEW payments.matches AS
SELECT l.line_key, e.expectation_id, g.group_id, g.rule, g.rule_version, g.late, g.matched_on
  FROM payments.match_groups g
  JOIN payments.group_lines l USING (group_id)
  JOIN payments.group_expectations e USING (group_id);
