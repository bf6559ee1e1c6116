-- The amounts owed by plans equal the control accounts of the books, plan by plan; of their interest, what pools have
-- for them equals the pools, each by product and currency, with what close of business has not transferred yet.
WITH kept AS (
    SELECT s.plan_id, p.currency, v.account, v.minor
      FROM lending.plan_standing s
      JOIN lending.plans p USING (plan_id)
     CROSS JOIN LATERAL (
        VALUES ('principal', s.principal_minor), ('interest_rcv', s.interest_minor - s.pooled_minor), ('fee_rcv', s.fees_minor)
     ) AS v (account, minor)
     WHERE s.version > 0
), booked AS (
    SELECT a.account, a.currency, b.debits_posted - b.credits_posted AS minor
      FROM ledger.accounts a JOIN ledger.balances b USING (account_id)
     WHERE a.pattern IN ('plan:{plan}:principal', 'plan:{plan}:interest_rcv', 'plan:{plan}:fee_rcv')
), pooled AS (
    SELECT format('pool:interest:%s:%s', product, currency) AS account, currency, sum(minor) AS minor
      FROM (SELECT p.product, p.currency, s.pooled_minor AS minor
              FROM lending.plan_standing s JOIN lending.plans p USING (plan_id) WHERE s.pooled_minor <> 0
            UNION ALL
            SELECT product, currency, -minor FROM lending.interest_to_pool) AS each
     GROUP BY product, currency
), pools AS (
    SELECT a.account, a.currency,
           coalesce((SELECT sum(amount_minor) FROM ledger.transfers WHERE debit = a.account_id AND NOT pending), 0)
           - coalesce((SELECT sum(amount_minor) FROM ledger.transfers WHERE credit = a.account_id AND NOT pending), 0)
           AS minor
      FROM ledger.accounts a
     WHERE a.pattern = 'pool:interest:{product}:{currency}'
), opened AS (
    SELECT s.plan_id, s.principal_minor, coalesce(sum(i.open_principal_minor), 0) AS scheduled
      FROM lending.plan_standing s LEFT JOIN lending.instalment_standing i USING (plan_id)
     WHERE s.version > 0
     GROUP BY s.plan_id, s.principal_minor
)
SELECT 'plan' AS check, 'plan:' || k.plan_id || ':' || k.account AS where,
       format('the plan says %s %s, the books %s', k.minor, k.currency, coalesce(b.minor, 0)) AS detail
  FROM kept k
  LEFT JOIN booked b ON b.account = 'plan:' || k.plan_id || ':' || k.account AND b.currency = k.currency
 WHERE k.minor <> coalesce(b.minor, 0)
UNION ALL
SELECT 'pool', account,
       format('the plans say %s %s, the books %s', coalesce(p.minor, 0), currency,
              coalesce(b.minor, 0))
  FROM pooled p FULL JOIN pools b USING (account, currency)
 WHERE coalesce(p.minor, 0) <> coalesce(b.minor, 0)
UNION ALL
SELECT 'instalments', plan_id, format('%s of principal are scheduled, %s are owed', scheduled, principal_minor)
  FROM opened WHERE scheduled <> principal_minor
