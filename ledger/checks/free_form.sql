-- Every free-form entry was proposed by one person and approved by another, and every approved proposal is recorded.
SELECT 'free form' AS "check", r.entry_id AS "where",
       CASE WHEN p.proposal_id IS NULL THEN 'was never proposed'
            WHEN a.proposal_id IS NULL THEN 'was never approved'
            WHEN lower(a.approved_by) = lower(p.proposed_by) THEN format('%s approved it alone', a.approved_by)
            ELSE 'is not what was approved' END AS detail
  FROM ledger.requests r
  LEFT JOIN ledger.proposals p ON r.entry_id = 'FREE:' || p.proposal_id
  LEFT JOIN ledger.approvals a ON a.proposal_id = p.proposal_id
 WHERE r.flow = 'FREE' AND r.act = 'post'
   AND (p.proposal_id IS NULL OR a.proposal_id IS NULL OR lower(a.approved_by) = lower(p.proposed_by)
        OR r.digest <> ledger.proposed_digest(p.journal))
UNION ALL
SELECT 'free form', 'FREE:' || a.proposal_id, 'was approved and never recorded'
  FROM ledger.approvals a
 WHERE NOT EXISTS (SELECT FROM ledger.requests r WHERE r.entry_id = 'FREE:' || a.proposal_id)
