-- Vectors belong to versions. A version is one publication of one feature set; it sees its own vectors and those of the
-- versions it descends from, so an unchanged vector is written once, and to activate or to roll back is to turn one pointer.

CREATE SCHEMA IF NOT EXISTS features;

-- The names behind the arrays of features.vectors, in their order. A digest never changes its names.
CREATE TABLE features.feature_sets (
    digest         text PRIMARY KEY,
    feature_names  text[] NOT NULL,
    set_id         integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    entity         text NOT NULL,
    -- The sources whose newest event each vector tells beside the newest of all, in the order of vectors.observed.
    source_names   text[] NOT NULL DEFAULT '{}',
    -- What readers read. NULL before the first publication.
    active_version bigint
);

CREATE TABLE features.publications (
    version      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    set_id       integer NOT NULL REFERENCES features.feature_sets (set_id),
    kind         text NOT NULL CHECK (kind IN ('whole', 'refresh')),
    -- The version that was active when this one was made; it may have been pruned since.
    based_on     bigint,
    -- Earlier versions of the set that this one does not descend from: rolled back before it was made.
    abandoned    bigint[] NOT NULL DEFAULT '{}',
    -- Tables of the lake behind it, and up to where a refresh has followed the lake: {table: {snapshot_id, sequence}}.
    snapshot_ids jsonb NOT NULL,
    watermark    jsonb NOT NULL DEFAULT '{}',
    vectors      bigint NOT NULL,
    changed      bigint NOT NULL,
    -- SHA-256 of what was handed over, in the order of entity and moment.
    content_hash text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX publications_of_a_set ON features.publications (set_id, version);

-- Vectors of one build share the snapshots they were computed from.
CREATE TABLE features.provenances (
    provenance_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    snapshot_ids  jsonb NOT NULL UNIQUE
);

-- One row is one whole vector, so that a decision makes one read. Rows are only ever added and removed, by publications,
-- pruning and erasure alone; the references are left unchecked because a check of each row is a third of the work.
CREATE TABLE features.vectors (
    set_id         integer NOT NULL,
    entity_id      text NOT NULL,
    as_of          timestamptz NOT NULL,
    version        bigint NOT NULL,
    provenance_id  integer NOT NULL,
    -- Made between two whole publications; pruning drops it once its entity has a later moment.
    refreshed      boolean NOT NULL,
    observed_until timestamptz,
    observed       timestamptz[],
    feature_values double precision[] NOT NULL,
    PRIMARY KEY (set_id, entity_id, as_of, version),
    CHECK (observed_until < as_of)
);
