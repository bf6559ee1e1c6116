-- A reference without case, separators and what is confused in reading: O with 0, I with 1.
CREATE OR REPLACE FUNCTION payments.normal_reference(told text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT translate(upper(regexp_replace(told, '[^A-Za-z0-9]', '', 'g') COLLATE "C"), 'OI', '01')
$$;
