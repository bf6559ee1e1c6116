-- Who read what is kept of a person, and what for: one row for each reading, written before it is answered.
CREATE TABLE serving.access_records (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    read_at      timestamptz NOT NULL,
    principal_id text NOT NULL,
    purpose      text NOT NULL CHECK (purpose <> ''),
    route        text NOT NULL,
    subject      text NOT NULL
);
CREATE INDEX access_records_by_subject ON serving.access_records (subject, number);
CREATE INDEX access_records_by_principal ON serving.access_records (principal_id, number);

GRANT SELECT, INSERT ON serving.access_records TO tranche_application;
