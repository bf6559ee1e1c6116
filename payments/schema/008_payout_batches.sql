-- Files of payouts for the bank: each payout is in one file, and a file is never written with another content.
CREATE TABLE payments.payout_batches (
    batch_id   text PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('payouts', 'refunds')),
    day        date NOT NULL,
    serial     integer NOT NULL CHECK (serial > 0),
    sha256     text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    written_at timestamptz,
    UNIQUE (kind, day, serial),
    CHECK ((sha256 IS NULL) = (written_at IS NULL))
);
CREATE INDEX payout_batches_unwritten ON payments.payout_batches (kind) WHERE written_at IS NULL;

-- Every payout that the bank is to make, from the moment it is booked. It waits without a batch for the next file.
CREATE TABLE payments.payout_orders (
    payout_id    text PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('payouts', 'refunds')),
    payee_id     text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    requested_on date NOT NULL,
    batch_id     text REFERENCES payments.payout_batches
);
CREATE INDEX payout_orders_waiting ON payments.payout_orders (kind) WHERE batch_id IS NULL;
CREATE INDEX payout_orders_by_batch ON payments.payout_orders (batch_id);
