-- One row for each open line of these units: the rule that matches it, or the class of its break.
--
-- A line leaves at the first rule that says something about it:
--   named_sum  a credit whose text names several payouts, all open, and is exactly their sum; else E13
--   id         it names an expectation, in its amount; of several lines that agree with it the first one closes it
--   tolerance  the same, in an amount of its range
--   parts      it names a payout, as other lines do, and together they are its amount; a part alone is E17
--   account_amount_window  a transfer of the account, equal amount, inside the due's window, one candidate on either side
--   reference  a damaged reference, equal amount, in the days in which it is awaited, one candidate on either side; else E15
--   E15        a credit of a provider that names nothing: open payouts, one or a pair, of this amount; never matched
-- `expectation_ids` are those that it closes or differs from, or between which nothing is chosen; `rivals` is the largest
-- number of lines that one of these would fit.
--
-- Lines in `left_out` are dealt with already, and expectations in `met_now` are closed by them.
CREATE OR REPLACE FUNCTION payments.match_lines(of_units text[], left_out text[], met_now text[])
RETURNS TABLE (line_key text, found text, expectation_ids text[], rivals bigint) LANGUAGE sql STABLE AS $$
WITH asked AS MATERIALIZED (
    SELECT l.line_key, l.kind, l.key, l.account_id, l.currency, l.amount_minor, l.booked_on, l.detail, l.counterparty,
           row_number() OVER (ORDER BY l.booked_on, l.amount_minor, l.line_key COLLATE "C") AS place
      FROM payments.open_lines o JOIN payments.lines l USING (line_key)
     WHERE o.unit = ANY (of_units) AND l.kind <> 'return' AND l.line_key NOT IN (SELECT unnest(left_out))
), words AS (
    SELECT DISTINCT a.line_key, 'payout:' || w.word AS expectation_id
      FROM asked a CROSS JOIN LATERAL regexp_split_to_table(a.detail, '[ ,;+&]+') AS w (word)
     WHERE a.kind = 'credit' AND a.detail ~ '[ ,;+&]'
), several AS MATERIALIZED (
    SELECT k.line_key, k.expectation_id, k.same_currency, k.amount_minor, k.met
      FROM (SELECT w.line_key, w.expectation_id, e.currency = a.currency AS same_currency, e.amount_minor,
                   g.group_id IS NOT NULL OR e.expectation_id = ANY (met_now) AS met,
                   count(*) OVER (PARTITION BY w.line_key) AS names
              FROM words w
              JOIN payments.expectations e USING (expectation_id)
              JOIN asked a USING (line_key)
              LEFT JOIN payments.group_expectations g USING (expectation_id)) k
     WHERE k.names > 1
), named AS (
    SELECT a.line_key, a.place, e.expectation_id, a.amount_minor AS minor, e.currency = a.currency AS same_currency,
           e.currency = a.currency AND e.amount_minor = a.amount_minor AS exact,
           e.currency = a.currency AND a.amount_minor BETWEEN r.least AND r.most AS agrees,
           r.least, r.most, starts_with(e.expectation_id, 'payout:') AS in_parts,
           e.currency = a.currency AND a.amount_minor < r.least
           AND (starts_with(e.expectation_id, 'payout:') OR starts_with(e.expectation_id, 'reserve:')) AS short,
           g.group_id IS NOT NULL OR e.expectation_id = ANY (met_now) AS met
      FROM asked a
      JOIN payments.expectations e ON e.expectation_id = a.key
      CROSS JOIN LATERAL (SELECT coalesce(e.least_minor, e.amount_minor) AS least,
                                 coalesce(e.most_minor, e.amount_minor) AS most) r
      LEFT JOIN payments.group_expectations g USING (expectation_id)
     WHERE a.line_key NOT IN (SELECT s.line_key FROM several s)
), by_id AS MATERIALIZED (
    SELECT n.line_key, n.expectation_id,
           CASE WHEN n.met OR n.place > n.first_to_agree THEN 'E6'
                WHEN NOT n.same_currency THEN 'E10'
                WHEN n.agrees THEN CASE WHEN n.exact THEN 'id' ELSE 'tolerance' END
                WHEN NOT n.short OR n.first_to_agree IS NOT NULL OR n.so_far > n.most THEN 'E7'
                WHEN n.so_far >= n.least AND n.in_parts THEN 'parts'
                ELSE 'E17' END AS found
      FROM (SELECT named.*,
                   min(place) FILTER (WHERE agrees AND NOT met) OVER (PARTITION BY expectation_id) AS first_to_agree,
                   sum(minor) FILTER (WHERE short) OVER (PARTITION BY expectation_id) AS so_far FROM named) n
), closed AS MATERIALIZED (
    SELECT b.expectation_id FROM by_id b WHERE b.found IN ('id', 'tolerance', 'parts')
), sums AS (
    SELECT s.line_key, array_agg(s.expectation_id ORDER BY s.expectation_id COLLATE "C") AS ids,
           bool_and(s.same_currency AND NOT s.met AND s.expectation_id NOT IN (SELECT c.expectation_id FROM closed c))
           AND sum(s.amount_minor) = min(a.amount_minor) AS agrees
      FROM several s JOIN asked a USING (line_key) GROUP BY s.line_key
), sum_claims AS (
    SELECT s.expectation_id, count(*) AS lines
      FROM several s JOIN sums USING (line_key) WHERE sums.agrees GROUP BY s.expectation_id
), by_sum AS MATERIALIZED (
    SELECT u.line_key, u.ids,
           CASE WHEN u.agrees AND NOT EXISTS (SELECT FROM sum_claims c WHERE c.lines > 1 AND c.expectation_id = ANY (u.ids))
                THEN 'named_sum' ELSE 'E13' END AS found
      FROM sums u
), taken AS MATERIALIZED (
    SELECT c.expectation_id FROM closed c
     UNION ALL
    SELECT unnest(u.ids) FROM by_sum u WHERE u.found = 'named_sum'
     UNION ALL
    SELECT unnest(met_now)
), near AS MATERIALIZED (
    SELECT a.line_key, e.expectation_id,
           row_number() OVER (ORDER BY e.window_from, e.amount_minor, e.expectation_id COLLATE "C") AS rank,
           e.currency = a.currency AS same_currency,
           e.currency = a.currency AND e.amount_minor = a.amount_minor AS agrees,
           g.group_id IS NULL AND e.expectation_id NOT IN (SELECT t.expectation_id FROM taken t) AS is_open
      FROM asked a
      JOIN payments.expectations e
        ON e.account_id = a.account_id AND a.booked_on BETWEEN e.window_from AND e.window_to
      LEFT JOIN payments.group_expectations g USING (expectation_id)
     WHERE NOT EXISTS (SELECT FROM by_id b WHERE b.line_key = a.line_key)
), claims AS (
    SELECT n.expectation_id, count(*) AS lines FROM near n WHERE n.agrees AND n.is_open GROUP BY n.expectation_id
), candidates AS MATERIALIZED (
    SELECT n.line_key, array_agg(n.expectation_id ORDER BY n.rank) AS ids, max(c.lines) AS rivals
      FROM near n JOIN claims c USING (expectation_id) WHERE n.agrees AND n.is_open GROUP BY n.line_key
), by_window AS MATERIALIZED (
    SELECT c.line_key, c.ids[1] AS expectation_id FROM candidates c WHERE cardinality(c.ids) = 1 AND c.rivals = 1
), paid_before AS (
    SELECT DISTINCT ON (n.line_key) n.line_key, n.expectation_id FROM near n WHERE n.agrees ORDER BY n.line_key, n.rank
), still_open AS (
    SELECT n.line_key, array_agg(n.expectation_id ORDER BY n.rank) AS ids, bool_and(n.same_currency) AS same_currency
      FROM near n
     WHERE n.is_open AND NOT EXISTS (SELECT FROM by_window w WHERE w.expectation_id = n.expectation_id)
     GROUP BY n.line_key
), rest AS MATERIALIZED (
    SELECT a.*, CASE WHEN a.kind IN ('credit', 'debit') THEN a.detail ELSE substr(a.key, strpos(a.key, ':') + 1) END AS told
      FROM asked a
     WHERE a.account_id IS NULL AND a.kind <> 'repayment'
       AND NOT EXISTS (SELECT FROM by_id b WHERE b.line_key = a.line_key)
       AND NOT EXISTS (SELECT FROM by_sum u WHERE u.line_key = a.line_key)
), damaged AS MATERIALIZED (
    SELECT r.line_key, f.expectation_id
      FROM rest r
     CROSS JOIN LATERAL (SELECT o.expectation_id
                           FROM payments.open_expectations o JOIN payments.expectations e USING (expectation_id)
                          WHERE o.begins = left(payments.normal_reference(r.told), 8)
                            AND e.amount_minor = r.amount_minor AND e.currency = r.currency
                            AND r.booked_on BETWEEN o.expected_on AND o.due_by
                            AND split_part(o.expectation_id, ':', 1) = split_part(r.key, ':', 1)
                            AND payments.alike(r.told, substr(o.expectation_id, strpos(o.expectation_id, ':') + 1))
                         OFFSET 0) f
     WHERE f.expectation_id NOT IN (SELECT t.expectation_id FROM taken t)
), damaged_claims AS (
    SELECT d.expectation_id, count(*) AS lines FROM damaged d GROUP BY d.expectation_id
), by_reference AS MATERIALIZED (
    SELECT d.line_key, array_agg(d.expectation_id ORDER BY d.expectation_id COLLATE "C") AS ids, max(c.lines) AS rivals
      FROM damaged d JOIN damaged_claims c USING (expectation_id) GROUP BY d.line_key
), nameless AS MATERIALIZED (
    SELECT r.line_key, r.amount_minor, f.expectation_id, f.amount_minor AS minor
      FROM rest r
     CROSS JOIN LATERAL (SELECT o.expectation_id, e.amount_minor
                           FROM payments.open_expectations o JOIN payments.expectations e USING (expectation_id)
                          WHERE o.leg = 3 AND starts_with(o.expectation_id, 'payout:')
                            AND e.currency = r.currency AND e.amount_minor <= r.amount_minor
                            AND r.booked_on BETWEEN o.expected_on AND o.due_by
                            AND o.expectation_id NOT IN (SELECT t.expectation_id FROM taken t)
                          ORDER BY o.expectation_id COLLATE "C" LIMIT 31) f
     WHERE r.kind = 'credit' AND r.detail !~ '[0-9]'
       AND EXISTS (SELECT FROM payments.sources s WHERE s.kind = 'provider' AND r.counterparty = ANY (s.names))
       AND NOT EXISTS (SELECT FROM by_reference d WHERE d.line_key = r.line_key)
), few AS (
    SELECT n.line_key FROM nameless n GROUP BY n.line_key HAVING count(*) <= 30
), pairs AS (
    SELECT n.line_key, min(n.expectation_id COLLATE "C") AS one, min(m.expectation_id COLLATE "C") AS other
      FROM nameless n
      JOIN nameless m ON m.line_key = n.line_key AND m.expectation_id COLLATE "C" > n.expectation_id COLLATE "C"
     WHERE n.minor + m.minor = n.amount_minor
     GROUP BY n.line_key HAVING count(*) = 1
), offered AS (
    SELECT w.line_key,
           coalesce((SELECT array_agg(n.expectation_id ORDER BY n.expectation_id COLLATE "C")
                       FROM nameless n WHERE n.line_key = w.line_key AND n.minor = n.amount_minor),
                    (SELECT ARRAY[p.one, p.other] FROM pairs p WHERE p.line_key = w.line_key)) AS ids
      FROM few w
)
SELECT a.line_key,
       CASE WHEN i.line_key IS NOT NULL THEN i.found
            WHEN u.line_key IS NOT NULL THEN u.found
            WHEN w.line_key IS NOT NULL THEN 'account_amount_window'
            WHEN c.line_key IS NOT NULL THEN 'E14'
            WHEN p.line_key IS NOT NULL THEN 'E6'
            WHEN cardinality(s.ids) > 1 THEN 'E14'
            WHEN s.same_currency THEN 'E7'
            WHEN s.line_key IS NOT NULL THEN 'E10'
            WHEN cardinality(d.ids) = 1 AND d.rivals = 1 THEN 'reference'
            WHEN d.line_key IS NOT NULL OR o.ids IS NOT NULL THEN 'E15'
            ELSE 'E4' END,
       CASE WHEN i.line_key IS NOT NULL THEN ARRAY[i.expectation_id]
            WHEN u.line_key IS NOT NULL THEN u.ids
            WHEN c.line_key IS NOT NULL THEN c.ids
            WHEN p.line_key IS NOT NULL THEN ARRAY[p.expectation_id]
            ELSE coalesce(s.ids, d.ids, o.ids, '{}') END,
       coalesce(c.rivals, d.rivals)
  FROM asked a
  LEFT JOIN by_id i USING (line_key)
  LEFT JOIN by_sum u USING (line_key)
  LEFT JOIN by_window w USING (line_key)
  LEFT JOIN candidates c USING (line_key)
  LEFT JOIN paid_before p USING (line_key)
  LEFT JOIN still_open s USING (line_key)
  LEFT JOIN by_reference d USING (line_key)
  LEFT JOIN offered o USING (line_key)
 ORDER BY a.place
$$;
