-- As ledger.open_holds must be, from the journal: the checker compares the two, a rebuild copies it over.
CREATE OR REPLACE VIEW ledger.derived_open_holds AS
    SELECT t.position AS hold_position, (t.amount_minor - coalesce(sum(e.amount_minor), 0))::bigint AS remaining_minor,
           r.expires_at, t.debit, t.credit, t.number
      FROM ledger.transfers t
      JOIN ledger.requests r ON r.position = t.position
      LEFT JOIN ledger.hold_events e ON e.hold_position = t.position AND e.number = t.number
     WHERE t.pending
     GROUP BY t.position, t.number, r.position
    HAVING t.amount_minor > coalesce(sum(e.amount_minor), 0);
GRANT SELECT ON ledger.derived_open_holds TO tranche_application;
