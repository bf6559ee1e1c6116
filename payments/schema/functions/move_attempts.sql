-- Moves every attempt of a statement's events at once, each from the state and to the state that its event says. An event
-- that says another state than the attempt is in, or another than the move table, stops them all. For the settings see
-- `close_grouped_lines`.
CREATE OR REPLACE FUNCTION payments.move_attempts() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    moved integer;
    wrong record;
BEGIN
    UPDATE payments.attempts a SET state = m.to_state
      FROM added e JOIN payments.attempt_moves m USING (from_state, event, to_state)
     WHERE a.attempt_id = e.attempt_id AND a.state = e.from_state;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> (SELECT count(*) FROM added) THEN
        SELECT e.attempt_id, coalesce(a.state, 'nowhere') AS state, e.event INTO wrong
          FROM added e LEFT JOIN payments.attempts a USING (attempt_id)
         ORDER BY (a.state = e.to_state) IS TRUE, e.attempt_id LIMIT 1;
        RAISE EXCEPTION 'attempt % is %: % cannot happen to it', wrong.attempt_id, wrong.state, wrong.event
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_move',
                  DETAIL = wrong.attempt_id || ' ' || wrong.state;
    END IF;
    RETURN NULL;
END $$;
