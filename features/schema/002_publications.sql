-- Vectors belong to versions. A version is one publication of one feature set; it sees its own vectors and those of the
-- versions it descends from, so an unchanged vector is written once, and to activate or to roll back is to turn one pointer.

ALTER TABLE features.feature_sets
    ADD COLUMN set_id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN entity text NOT NULL DEFAULT 'applicant',
    -- The sources whose newest event each vector tells beside the newest of all, in the order of vectors.observed.
    ADD COLUMN source_names text[] NOT NULL DEFAULT '{}',
    -- What readers read. NULL before the first publication.
    ADD COLUMN active_version bigint;

ALTER TABLE features.feature_sets ALTER COLUMN entity DROP DEFAULT;

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

ALTER TABLE features.vectors RENAME TO vectors_without_version;
ALTER INDEX features.vectors_pkey RENAME TO vectors_without_version_pkey;

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

INSERT INTO features.publications (set_id, kind, snapshot_ids, vectors, changed, content_hash)
SELECT s.set_id, 'whole', '{}', count(*), count(*), ''
  FROM features.vectors_without_version v JOIN features.feature_sets s USING (digest)
 GROUP BY s.set_id;

UPDATE features.feature_sets s SET active_version = p.version FROM features.publications p WHERE p.set_id = s.set_id;

INSERT INTO features.provenances (snapshot_ids) SELECT DISTINCT snapshot_ids FROM features.vectors_without_version;

INSERT INTO features.vectors
SELECT s.set_id, v.entity_id, v.as_of, s.active_version, p.provenance_id, false, v.observed_until, NULL, v.feature_values
  FROM features.vectors_without_version v
  JOIN features.feature_sets s USING (digest)
  JOIN features.provenances p ON p.snapshot_ids = v.snapshot_ids;

DROP TABLE features.vectors_without_version;
