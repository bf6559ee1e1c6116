-- A proposal that its proposer took back. The second foreign key holds that nobody else does.
CREATE TABLE lending.act_withdrawals (
    proposal_id  text PRIMARY KEY,
    withdrawn_by text NOT NULL,
    withdrawn_at timestamptz NOT NULL,
    reason       text NOT NULL CHECK (btrim(reason) <> ''),
    CONSTRAINT proposer_only FOREIGN KEY (proposal_id, withdrawn_by)
        REFERENCES lending.act_proposals (proposal_id, proposed_by)
);
GRANT SELECT, INSERT ON lending.act_withdrawals TO tranche_application;
