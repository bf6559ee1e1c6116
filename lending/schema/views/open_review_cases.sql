-- Cases that nobody has decided, with the queue and the deadline that an escalation or a wait for documents gave them.
CREATE VIEW lending.open_review_cases AS
SELECT c.case_id, c.decision_id, c.merchant_id, c.shopper_id, c.opened_at,
       coalesce(moved.queue, c.queue) AS queue, coalesce(moved.due_at, c.due_at) AS due_at
  FROM lending.review_cases c
  LEFT JOIN LATERAL (SELECT e.body ->> 'queue' AS queue, (e.body ->> 'due_at')::timestamptz AS due_at
                       FROM lending.review_case_events e
                      WHERE e.case_id = c.case_id AND e.body ? 'due_at'
                      ORDER BY e.number DESC LIMIT 1) moved ON true
 WHERE NOT EXISTS (SELECT FROM lending.review_case_events e WHERE e.case_id = c.case_id AND e.kind = 'decided');

GRANT SELECT ON lending.open_review_cases TO tranche_application;
