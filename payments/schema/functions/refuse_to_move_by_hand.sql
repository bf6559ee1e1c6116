-- The state follows the events: a statement of its own may not write it, nor what the attempt is about.
CREATE OR REPLACE FUNCTION payments.refuse_to_move_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'attempt %: state and amount change only by an event', OLD.attempt_id
        USING ERRCODE = 'insufficient_privilege';
END $$;
