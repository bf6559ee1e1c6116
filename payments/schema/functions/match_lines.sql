-- One row for each open line of these units: the rule that matches it, or the class of its break.
--
-- A line leaves at the first rule that says something about it. `id`: it names an expectation; of several lines that
-- agree with it the first one closes it. `account_amount_window`: a transfer of the account, equal amount, inside the
-- due's window, and only one candidate on either side. `expectation_ids` are those that it closes or differs from, or
-- between which nothing is chosen; `rivals` is the largest number of lines that one of these would fit.
--
-- Lines in `left_out` are dealt with already, and expectations in `met_now` are closed by them.
CREATE OR REPLACE FUNCTION payments.match_lines(of_units text[], left_out text[], met_now text[])
RETURNS TABLE (line_key text, found text, expectation_ids text[], rivals bigint) LANGUAGE sql STABLE AS $$
WITH asked AS MATERIALIZED (
    SELECT l.line_key, l.key, l.account_id, l.currency, l.amount_minor, l.booked_on,
           row_number() OVER (ORDER BY l.booked_on, l.amount_minor, l.line_key COLLATE "C") AS place
      FROM payments.open_lines o JOIN payments.lines l USING (line_key)
     WHERE o.unit = ANY (of_units) AND l.kind <> 'return' AND l.line_key NOT IN (SELECT unnest(left_out))
), named AS (
    SELECT a.line_key, a.place, e.expectation_id, e.currency = a.currency AS same_currency,
           e.currency = a.currency AND e.amount_minor = a.amount_minor AS agrees,
           g.group_id IS NOT NULL OR e.expectation_id = ANY (met_now) AS met
      FROM asked a
      JOIN payments.expectations e ON e.expectation_id = a.key
      LEFT JOIN payments.group_expectations g USING (expectation_id)
), by_id AS MATERIALIZED (
    SELECT n.line_key, n.expectation_id,
           CASE WHEN n.met OR n.place > n.first_to_agree THEN 'E6'
                WHEN NOT n.same_currency THEN 'E10'
                WHEN NOT n.agrees THEN 'E7'
                ELSE 'id' END AS found
      FROM (SELECT named.*, min(place) FILTER (WHERE agrees AND NOT met) OVER (PARTITION BY expectation_id)
                            AS first_to_agree FROM named) n
), near AS MATERIALIZED (
    SELECT a.line_key, e.expectation_id,
           row_number() OVER (ORDER BY e.window_from, e.amount_minor, e.expectation_id COLLATE "C") AS rank,
           e.currency = a.currency AS same_currency,
           e.currency = a.currency AND e.amount_minor = a.amount_minor AS agrees,
           g.group_id IS NULL AND NOT e.expectation_id = ANY (met_now)
           AND NOT EXISTS (SELECT FROM by_id b WHERE b.expectation_id = e.expectation_id AND b.found = 'id') AS is_open
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
)
SELECT a.line_key,
       CASE WHEN i.line_key IS NOT NULL THEN i.found
            WHEN w.line_key IS NOT NULL THEN 'account_amount_window'
            WHEN c.line_key IS NOT NULL THEN 'E14'
            WHEN p.line_key IS NOT NULL THEN 'E6'
            WHEN cardinality(s.ids) > 1 THEN 'E14'
            WHEN s.same_currency THEN 'E7'
            WHEN s.line_key IS NOT NULL THEN 'E10'
            ELSE 'E4' END,
       CASE WHEN i.line_key IS NOT NULL THEN ARRAY[i.expectation_id]
            WHEN c.line_key IS NOT NULL THEN c.ids
            WHEN p.line_key IS NOT NULL THEN ARRAY[p.expectation_id]
            ELSE coalesce(s.ids, '{}') END,
       c.rivals
  FROM asked a
  LEFT JOIN by_id i USING (line_key)
  LEFT JOIN by_window w USING (line_key)
  LEFT JOIN candidates c USING (line_key)
  LEFT JOIN paid_before p USING (line_key)
  LEFT JOIN still_open s USING (line_key)
 ORDER BY a.place
$$;
