-- Stops of lending, and their lifts. Null stands for every currency, or every product.
CREATE TABLE lending.lending_stops (
    stop_id    text PRIMARY KEY,
    currency   text CHECK (currency ~ '^[A-Z]{3}$'),
    product    text,
    stopped_at timestamptz NOT NULL,
    stopped_by text NOT NULL REFERENCES ledger.principals (principal_id),
    reason     text NOT NULL CHECK (btrim(reason) <> '')
);
CREATE TABLE lending.lifted_stops (
    stop_id   text PRIMARY KEY REFERENCES lending.lending_stops,
    lifted_at timestamptz NOT NULL,
    lifted_by text NOT NULL REFERENCES ledger.principals (principal_id),
    reason    text NOT NULL CHECK (btrim(reason) <> '')
);

GRANT SELECT, INSERT ON lending.lending_stops, lending.lifted_stops TO tranche_application;
