-- Keys are named by whoever sends them, so each merchant, and each principal of the back office, has keys of its own.
-- `sent_by` is the principal of the first request; no foreign key, which would lock that one row in every decision. Keys from before have no owner and are found by nobody: the identity
-- of what they made still prevents that it is made twice.

ALTER TABLE serving.idempotency_keys
    ADD COLUMN owner   text NOT NULL DEFAULT '',
    ADD COLUMN sent_by text;
ALTER TABLE serving.idempotency_keys ALTER COLUMN owner DROP DEFAULT;
ALTER TABLE serving.idempotency_keys DROP CONSTRAINT idempotency_keys_pkey;
ALTER TABLE serving.idempotency_keys ADD PRIMARY KEY (owner, route, key);
