-- The bytes of a file in parts, so that a large file is stored as it is read: a value of a row holds a gigabyte at most,
-- and must be in memory as a whole.
CREATE TABLE payments.file_parts (
    sha256  text NOT NULL REFERENCES payments.files,
    part    integer NOT NULL CHECK (part > 0),
    content bytea NOT NULL,
    PRIMARY KEY (sha256, part)
);
INSERT INTO payments.file_parts SELECT sha256, 1, content FROM payments.files;
ALTER TABLE payments.files DROP COLUMN content;

-- A provider's own report names a charge or a refund by the provider's id.
CREATE INDEX attempts_by_provider_reference ON payments.attempts (provider, provider_reference)
    WHERE provider_reference IS NOT NULL;
CREATE INDEX refund_events_by_provider_reference ON payments.refund_events (cause) WHERE event = 'confirmed';

-- A foreign key asks once for each row, which was a third of what a matched line cost the database. Rows of these tables
-- are never deleted, so asking once for each statement, when rows are added, holds the same: see the triggers of `lines`,
-- `group_lines`, `group_expectations` and `attempt_events`. Rows of the work lists are made by triggers of what they list.
ALTER TABLE payments.lines DROP CONSTRAINT lines_sha256_fkey;
ALTER TABLE payments.open_lines DROP CONSTRAINT open_lines_line_key_fkey;
ALTER TABLE payments.open_expectations DROP CONSTRAINT open_expectations_expectation_id_fkey;
ALTER TABLE payments.group_lines DROP CONSTRAINT group_lines_line_key_fkey;
ALTER TABLE payments.group_expectations DROP CONSTRAINT group_expectations_expectation_id_fkey;
ALTER TABLE payments.attempt_events DROP CONSTRAINT attempt_events_attempt_id_fkey;
ALTER TABLE payments.attempt_events DROP CONSTRAINT attempt_events_from_state_event_fkey;
