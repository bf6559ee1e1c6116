-- The interest that a plan has accrued by a day, in whole units, half to even: what the fold says of days without events.
CREATE OR REPLACE FUNCTION lending.interest_by(start numeric, step numeric, divisor numeric, day date) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT (div(exact, divisor)
        + CASE WHEN 2 * mod(exact, divisor) > divisor THEN 1
               WHEN 2 * mod(exact, divisor) = divisor THEN mod(div(exact, divisor), 2) ELSE 0 END)::bigint
  FROM (SELECT start + step * (day - date '2000-01-01') AS exact) AS grown
$$;
