-- Free-form entries: what no row of the money map covers takes two people and a reason. The names are as given:
-- without a login, nothing proves who they are.

CREATE TABLE ledger.proposals (
    proposal_id text PRIMARY KEY CHECK (proposal_id <> ''),
    proposed_by text NOT NULL CHECK (proposed_by <> '' AND proposed_by = btrim(proposed_by)),
    reason      text NOT NULL CHECK (btrim(reason) <> ''),
    journal     jsonb NOT NULL CHECK (jsonb_typeof(journal) = 'object'),
    proposed_at timestamptz NOT NULL,
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    UNIQUE (proposal_id, proposed_by)
);

CREATE TABLE ledger.approvals (
    proposal_id text PRIMARY KEY,
    proposed_by text NOT NULL,
    approved_by text NOT NULL CHECK (approved_by <> '' AND approved_by = btrim(approved_by)),
    approved_at timestamptz NOT NULL,
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    FOREIGN KEY (proposal_id, proposed_by) REFERENCES ledger.proposals (proposal_id, proposed_by),
    CONSTRAINT two_people CHECK (lower(approved_by) <> lower(proposed_by))
);

GRANT SELECT, INSERT ON ledger.proposals, ledger.approvals TO tranche_application;
