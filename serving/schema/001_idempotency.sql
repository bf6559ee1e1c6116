-- The first request under a key claims it, in the transaction that takes effect; a request that was refused before
-- anything happened leaves nothing here. The answer is not repeated here: it is the decision that the request names.
CREATE SCHEMA IF NOT EXISTS serving;

CREATE TABLE serving.idempotency_keys (
    route      text NOT NULL,
    key        text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request    text NOT NULL,
    claimed_at timestamptz NOT NULL,
    PRIMARY KEY (route, key)
);

GRANT USAGE ON SCHEMA serving TO tranche_application;
GRANT SELECT, INSERT, DELETE ON serving.idempotency_keys TO tranche_application;
