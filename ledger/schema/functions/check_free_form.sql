-- Nothing is recorded as a free-form entry but what was proposed and approved, under its id and to the letter.
CREATE OR REPLACE FUNCTION ledger.check_free_form() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.proposals p JOIN ledger.approvals a ON a.proposal_id = p.proposal_id
                    WHERE NEW.entry_id = 'FREE:' || p.proposal_id AND NEW.act = 'post'
                      AND NEW.digest = ledger.proposed_digest(p.journal)) THEN
        RAISE EXCEPTION '% is no free-form entry that two people agreed on', NEW.entry_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
