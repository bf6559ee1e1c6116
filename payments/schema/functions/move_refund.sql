-- As with attempts: a move takes the payment's row, and one that is not in the table changes nothing.
CREATE OR REPLACE FUNCTION payments.move_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    current text;
BEGIN
    SELECT state INTO current FROM payments.refund_payments WHERE payment_id = NEW.payment_id FOR UPDATE;
    SELECT from_state, to_state INTO NEW.from_state, NEW.to_state
      FROM payments.refund_moves WHERE from_state = current AND event = NEW.event;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'refund payment % is %: % cannot happen to it', NEW.payment_id, current, NEW.event
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_move', DETAIL = current;
    END IF;
    UPDATE payments.refund_payments
       SET state = NEW.to_state,
           submitted_at = CASE NEW.event WHEN 'request_written' THEN NEW.at ELSE submitted_at END
     WHERE payment_id = NEW.payment_id;
    RETURN NEW;
END $$;
