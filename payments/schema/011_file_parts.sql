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
