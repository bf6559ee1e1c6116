-- Judges a move that its statement could not: it takes the attempt's row, so that two movers follow each other. One that
-- is not in the table changes nothing.
CREATE OR REPLACE FUNCTION payments.move_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    current text;
BEGIN
    SELECT state INTO current FROM payments.attempts WHERE attempt_id = NEW.attempt_id FOR UPDATE;
    SELECT from_state, to_state INTO NEW.from_state, NEW.to_state
      FROM payments.attempt_moves WHERE from_state = current AND event = NEW.event;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'attempt % is %: % cannot happen to it', NEW.attempt_id, current, NEW.event
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_move', DETAIL = NEW.attempt_id || ' ' || current;
    END IF;
    RETURN NEW;
END $$;
