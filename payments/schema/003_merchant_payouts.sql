-- What merchants are paid: each payout with everything that it is made of, what was kept back, and what came back.

-- One a merchant, currency and day. Zero when all of it was netted or kept back; nothing is sent then. Every entry of
-- the merchant's payable account up to the position `settled_through` is in this payout or in one before.
CREATE TABLE payments.merchant_payouts (
    payout_id       text PRIMARY KEY,
    merchant_id     text NOT NULL,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor    bigint NOT NULL CHECK (amount_minor >= 0),
    requested_on    date NOT NULL,
    terms_version   text NOT NULL,
    settled_through bigint NOT NULL,
    UNIQUE (merchant_id, currency, requested_on)
);

-- An entry of the payable account is settled once.
CREATE TABLE payments.payout_items (
    entry_id     text PRIMARY KEY,
    payout_id    text NOT NULL REFERENCES payments.merchant_payouts,
    kind         text NOT NULL CHECK (kind IN ('sale', 'refund', 'dispute', 'returned_payout', 'correction', 'netted',
                                               'reserve_held', 'reserve_released', 'other')),
    value_date   date NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    order_id     text,
    plan_id      text
);
CREATE INDEX payout_items_by_payout ON payments.payout_items (payout_id);

-- What a payout kept back of its sales, and the payout that gave it back.
CREATE TABLE payments.merchant_reserves (
    payout_id    text PRIMARY KEY REFERENCES payments.merchant_payouts,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    release_on   date NOT NULL
);
CREATE TABLE payments.reserve_releases (
    payout_id   text PRIMARY KEY REFERENCES payments.merchant_reserves,
    released_by text NOT NULL REFERENCES payments.merchant_payouts
);

-- Payouts that the bank brought back: owed again, and part of the next payout.
CREATE TABLE payments.payout_returns (
    payout_id   text PRIMARY KEY REFERENCES payments.merchant_payouts,
    line_id     text NOT NULL UNIQUE,
    reason      text NOT NULL,
    returned_on date NOT NULL
);
