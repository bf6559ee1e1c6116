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
