-- Free-form entries: what no row of the money map covers takes two people and a reason. The names are as given: until
-- somebody signs in, nothing proves who they are.

CREATE TABLE ledger.proposals (
    proposal_id text PRIMARY KEY CHECK (proposal_id <> ''),
    proposed_by text NOT NULL CHECK (proposed_by <> '' AND proposed_by = btrim(proposed_by)),
    reason      text NOT NULL CHECK (btrim(reason) <> ''),
    journal     jsonb NOT NULL CHECK (jsonb_typeof(journal) = 'object'),
    proposed_at timestamptz NOT NULL,
    UNIQUE (proposal_id, proposed_by)
);

CREATE TABLE ledger.approvals (
    proposal_id text PRIMARY KEY,
    proposed_by text NOT NULL,
    approved_by text NOT NULL CHECK (approved_by <> '' AND approved_by = btrim(approved_by)),
    approved_at timestamptz NOT NULL,
    FOREIGN KEY (proposal_id, proposed_by) REFERENCES ledger.proposals (proposal_id, proposed_by),
    CONSTRAINT two_people CHECK (lower(approved_by) <> lower(proposed_by))
);

-- What a proposal asks the books to record, as the digest under which they do.
CREATE FUNCTION ledger.proposed_digest(journal jsonb) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT ledger.body_digest('post', NULL, NULL, NULL, 'FREE', (journal ->> 'value_date')::date, NULL,
                              (journal ->> 'occurred_at')::timestamptz, journal -> 'correlation', '',
                              string_agg((t ->> 'debit') || E'\t' || (t ->> 'credit') || E'\t' || (t ->> 'currency')
                                         || E'\t' || (t ->> 'minor') || E'\n', '' ORDER BY ordinality))
      FROM jsonb_array_elements(journal -> 'transfers') WITH ORDINALITY AS each (t, ordinality)
$$;

-- Nothing is recorded as a free-form entry but what was proposed and approved, under its id and to the letter.
CREATE FUNCTION ledger.check_free_form() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
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
CREATE TRIGGER check_free_form BEFORE INSERT ON ledger.requests
    FOR EACH ROW WHEN (NEW.flow = 'FREE') EXECUTE FUNCTION ledger.check_free_form();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.proposals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.approvals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT, INSERT ON ledger.proposals, ledger.approvals TO tranche_application;
