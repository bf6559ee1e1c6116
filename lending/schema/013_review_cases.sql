-- Reviews by a person: a case for each decision that was referred or contested, what happened in it, and the further
-- decision that it leads to. Append-only; where a case stands is a fold of its events.

-- The decision that this one reviews; each is reviewed once at most.
ALTER TABLE lending.decisions ADD COLUMN reviews text REFERENCES lending.decisions;
CREATE UNIQUE INDEX decisions_by_reviewed ON lending.decisions (reviews) WHERE reviews IS NOT NULL;

-- No text of a person is kept: of the shopper's own view only the digest of the document that holds it.
CREATE TABLE lending.review_cases (
    case_id          text PRIMARY KEY,
    decision_id      text NOT NULL UNIQUE REFERENCES lending.decisions,
    cause            text NOT NULL CHECK (cause IN ('referred', 'contested')),
    queue            text NOT NULL CHECK (queue <> ''),
    triggers         text[] NOT NULL,
    merchant_id      text,
    shopper_id       text NOT NULL,
    currency         text NOT NULL,
    amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
    opened_at        timestamptz NOT NULL,
    due_at           timestamptz NOT NULL CHECK (due_at > opened_at),
    opened_by        text NOT NULL CHECK (opened_by <> ''),
    reason           text NOT NULL CHECK (btrim(reason) <> ''),
    ground           text,
    statement_sha256 text CHECK (statement_sha256 ~ '^[0-9a-f]{64}$'),
    -- What the shopper is told about the review.
    notice           text NOT NULL CHECK (btrim(notice) <> ''),
    terms_version    text NOT NULL,
    terms_digest     text NOT NULL,
    CHECK ((cause = 'contested') = (ground IS NOT NULL))
);
CREATE INDEX review_cases_by_time ON lending.review_cases (opened_at);

CREATE TABLE lending.review_case_events (
    case_id text NOT NULL REFERENCES lending.review_cases,
    number  integer NOT NULL CHECK (number >= 1),
    kind    text NOT NULL CHECK (kind IN ('claimed', 'given_back', 'documents_asked', 'document_received',
                                          'second_look_asked', 'second_look_refused', 'escalated', 'decided')),
    at      timestamptz NOT NULL,
    done_by text NOT NULL REFERENCES ledger.principals (principal_id),
    reason  text NOT NULL CHECK (btrim(reason) <> ''),
    body    jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object'),
    PRIMARY KEY (case_id, number)
);
CREATE UNIQUE INDEX review_case_outcomes ON lending.review_case_events (case_id) WHERE kind = 'decided';

GRANT SELECT, INSERT ON lending.review_cases, lending.review_case_events TO tranche_application;
