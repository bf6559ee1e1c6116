-- The first request under a key claims it and, in the same transaction, leaves its answer.
-- A key belongs to one route; a request that was refused before anything happened leaves nothing here.
CREATE SCHEMA IF NOT EXISTS serving;

CREATE TABLE serving.idempotency_keys (
    route      text NOT NULL,
    key        text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request    text NOT NULL,
    claimed_at timestamptz NOT NULL,
    PRIMARY KEY (route, key)
);

CREATE TABLE serving.answers (
    route       text NOT NULL,
    key         text NOT NULL,
    status      smallint NOT NULL,
    body        text NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (route, key),
    FOREIGN KEY (route, key) REFERENCES serving.idempotency_keys
);

CREATE FUNCTION serving.refuse_to_change_an_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE ON serving.idempotency_keys
    FOR EACH STATEMENT EXECUTE FUNCTION serving.refuse_to_change_an_answer();
CREATE TRIGGER append_only BEFORE UPDATE ON serving.answers
    FOR EACH STATEMENT EXECUTE FUNCTION serving.refuse_to_change_an_answer();
