-- Refuses an approval after the proposal expired, or by a principal that is revoked or has expired.
CREATE OR REPLACE FUNCTION payments.check_break_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM payments.break_proposals p
                    WHERE p.proposal_id = NEW.proposal_id AND NEW.approved_at < p.expires_at) THEN
        RAISE EXCEPTION 'proposal % has expired', NEW.proposal_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM ledger.principals p LEFT JOIN ledger.principal_revocations r USING (principal_id)
                WHERE p.principal_id = NEW.approved_by
                  AND NEW.approved_at >= least(p.expires_at, r.revoked_at)) THEN
        RAISE EXCEPTION '% may no longer approve', NEW.approved_by USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
