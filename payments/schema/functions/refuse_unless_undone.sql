-- A group and its lines and expectations go only when the transaction keeps that the match was undone.
CREATE OR REPLACE FUNCTION payments.refuse_unless_undone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM payments.undone_groups u
                    WHERE u.group_id = OLD.group_id AND u.txid = pg_current_xact_id()) THEN
        RAISE EXCEPTION 'match % was not undone by an act: delete is refused', OLD.group_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;
