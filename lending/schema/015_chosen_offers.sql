-- The offer of a decision that a shopper chose, from the first request to accept it on. Without a row it is the first one.
CREATE TABLE lending.chosen_offers (
    decision_id text PRIMARY KEY REFERENCES lending.decisions,
    offer_id    text NOT NULL CHECK (offer_id ~ '^[0-9]{1,3}$'),
    chosen_at   timestamptz NOT NULL
);

GRANT SELECT, INSERT ON lending.chosen_offers TO tranche_application;
