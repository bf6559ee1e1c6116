CREATE SCHEMA IF NOT EXISTS features;

-- The names behind the arrays of features.vectors, in their order. A digest never changes its names.
CREATE TABLE features.feature_sets (
    digest        text PRIMARY KEY,
    feature_names text[] NOT NULL
);

-- One row is one whole vector, so that a decision makes one read.
CREATE TABLE features.vectors (
    entity_id      text NOT NULL,
    digest         text NOT NULL REFERENCES features.feature_sets (digest),
    as_of          timestamptz NOT NULL,
    observed_until timestamptz,
    feature_values double precision[] NOT NULL,
    snapshot_ids   jsonb NOT NULL,
    PRIMARY KEY (entity_id, digest, as_of),
    CHECK (observed_until < as_of)
);
