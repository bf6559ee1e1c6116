-- Checks at commit that an event in the name of an act belongs to one that is kept, with its actor and reason.
CREATE OR REPLACE FUNCTION lending.check_event_of_act() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM lending.acts WHERE act_id = NEW.cause) THEN
        RAISE EXCEPTION 'event % names no act that is kept', NEW.event_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
