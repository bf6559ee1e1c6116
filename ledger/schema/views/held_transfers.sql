-- Every transfer that was ever held, and what is left of it.
CREATE OR REPLACE VIEW ledger.held_transfers AS
    SELECT t.position AS hold_position, t.number, t.debit, t.credit, t.amount_minor,
           coalesce(o.remaining_minor, 0) AS remaining_minor
      FROM ledger.transfers t
      LEFT JOIN ledger.open_holds o ON o.hold_position = t.position AND o.number = t.number
     WHERE t.pending;
GRANT SELECT ON ledger.held_transfers TO tranche_application;
