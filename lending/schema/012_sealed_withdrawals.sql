-- Withdrawals of proposals are sealed like the proposals.

ALTER TABLE lending.act_withdrawals ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE lending.act_withdrawals ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX act_withdrawals_by_txid ON lending.act_withdrawals (txid, position);
INSERT INTO ledger.sealed_tables VALUES
    ('lending.act_withdrawals', 'proposal', 'proposal_id', 'withdrawal', 'proposal_id');
