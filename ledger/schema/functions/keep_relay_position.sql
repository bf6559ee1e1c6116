-- A log's position only rises.
CREATE OR REPLACE FUNCTION ledger.keep_relay_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.log <> OLD.log OR NEW.position < OLD.position THEN
        RAISE EXCEPTION 'the relay of % is at %, it does not go back to %', OLD.log, OLD.position, NEW.position
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
