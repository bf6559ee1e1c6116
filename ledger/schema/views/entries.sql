-- What was taken: neither refused nor the voiding of a hold.
CREATE OR REPLACE VIEW ledger.entries AS
    SELECT r.* FROM ledger.requests r
     WHERE r.act <> 'void' AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position);
GRANT SELECT ON ledger.entries TO tranche_application;
