-- Whether a damaged reference may be the known one: equal when normal, or one begins with the other, from 8 characters on.
CREATE OR REPLACE FUNCTION payments.alike(told text, known text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT n.told <> '' AND n.known <> ''
           AND (n.told = n.known
                OR least(length(n.told), length(n.known)) >= 8
                   AND (starts_with(n.told, n.known) OR starts_with(n.known, n.told)))
      FROM (SELECT payments.normal_reference($1) AS told, payments.normal_reference($2) AS known) n
$$;
