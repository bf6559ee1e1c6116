-- Where files come from, what else a provider's row may be, the range of an expectation, and its states.

ALTER TABLE payments.lines DROP CONSTRAINT lines_kind_check;
ALTER TABLE payments.lines ADD CONSTRAINT lines_kind_check
    CHECK (kind IN ('repayment', 'capture', 'return', 'refund', 'chargeback', 'chargeback_won', 'fee', 'fee_returned',
                    'reserve_held', 'reserve_released', 'payout', 'payout_taken', 'credit', 'debit'));
-- The day on which a bank counts a movement for interest, where it says so.
ALTER TABLE payments.lines ADD COLUMN value_on date;

-- Providers and bank accounts as the policy file in force describes them; each run of reconciliation writes them anew.
CREATE TABLE payments.sources (
    source_id        text PRIMARY KEY,
    kind             text NOT NULL CHECK (kind IN ('provider', 'bank_account')),
    names            text[] NOT NULL,
    format           text NOT NULL,
    calendar         text NOT NULL,
    zone             text NOT NULL,
    numbering        text NOT NULL CHECK (numbering IN ('none', 'continuous', 'yearly')),
    first_number     integer CHECK (first_number >= 0),
    empty_statements boolean NOT NULL,
    version          text NOT NULL
);
CREATE TABLE payments.source_tolerances (
    source_id       text NOT NULL REFERENCES payments.sources ON DELETE CASCADE,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    absolute_minor  bigint NOT NULL CHECK (absolute_minor >= 0),
    basis_points    integer NOT NULL CHECK (basis_points >= 0),
    cap_minor       bigint NOT NULL CHECK (cap_minor >= 0),
    daily_cap_minor bigint NOT NULL CHECK (daily_cap_minor >= 0),
    PRIMARY KEY (source_id, currency)
);

-- A bank may begin its numbers anew each year, so the place of a statement among those of its account is another thing.
-- `skipped`: statements without movements between the one before and this one.
ALTER TABLE payments.statements ADD COLUMN place integer, ADD COLUMN skipped integer, ADD COLUMN opening_minor bigint;
UPDATE payments.statements s SET place = p.place, skipped = p.skipped
  FROM (SELECT bank_account, currency, number, row_number() OVER w AS place,
               coalesce(number - lag(number) OVER w - 1, 0) AS skipped
          FROM payments.statements WINDOW w AS (PARTITION BY bank_account, currency ORDER BY number)) p
 WHERE (p.bank_account, p.currency, p.number) = (s.bank_account, s.currency, s.number);
ALTER TABLE payments.statements ALTER COLUMN place SET NOT NULL, ALTER COLUMN skipped SET NOT NULL;
ALTER TABLE payments.statements DROP CONSTRAINT statements_pkey;
ALTER TABLE payments.statements ADD PRIMARY KEY (bank_account, currency, place);

-- Amounts in this range close an expectation too; the difference is booked. Without a range only its amount does.
ALTER TABLE payments.expectations ADD COLUMN least_minor bigint, ADD COLUMN most_minor bigint,
    ADD CHECK ((least_minor IS NULL) = (most_minor IS NULL)),
    ADD CHECK (amount_minor BETWEEN least_minor AND most_minor);

-- What differences within the tolerance used up of a day. More came than was expected where the difference is positive.
CREATE TABLE payments.tolerance_uses (
    line_key         text PRIMARY KEY REFERENCES payments.lines,
    used_on          date NOT NULL,
    currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    difference_minor bigint NOT NULL CHECK (difference_minor <> 0)
);
CREATE INDEX tolerance_uses_by_day ON payments.tolerance_uses (used_on);

-- The states of expectations. From a state only these may follow; payments/rules/expectation_state.py has the same table.
CREATE TABLE payments.expectation_steps (
    from_state text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
WITH open (state) AS (
    VALUES ('expected'), ('posted'), ('posted_manually'), ('over_amount_mismatch'), ('under_amount_mismatch'),
           ('partially_reconciled'), ('missing'), ('data_mismatch'), ('currency_mismatch'), ('split_mismatch')
), matched (state) AS (
    VALUES ('matched_automatic'), ('matched_manual'), ('matched_forced'), ('matched_with_tolerance')
), journal (state) AS (
    VALUES ('written_off'), ('reversed')
)
INSERT INTO payments.expectation_steps
SELECT o.state, n.state FROM open o
  JOIN (SELECT state FROM open WHERE state <> 'expected' UNION ALL SELECT state FROM matched UNION ALL SELECT 'void') n
    ON n.state <> o.state
 UNION ALL
SELECT o.state, j.state FROM open o CROSS JOIN journal j WHERE o.state <> 'expected'
 UNION ALL
SELECT m.state, n.state FROM matched m CROSS JOIN (VALUES ('void'), ('archived')) n (state)
 UNION ALL
SELECT j.state, 'archived' FROM journal j
 UNION ALL
VALUES ('void', 'expected'), ('void', 'archived');

-- The work list knows the state of what is open, and how its reference begins without case, separators and what is
-- confused in reading (payments.normal_reference): a damaged one that may be meant begins the same.
ALTER TABLE payments.open_expectations
    ADD COLUMN state text NOT NULL DEFAULT 'expected',
    ADD COLUMN begins text GENERATED ALWAYS AS (
        left(translate(upper(regexp_replace(substr(expectation_id, strpos(expectation_id, ':') + 1),
                                            '[^A-Za-z0-9]', '', 'g') COLLATE "C"), 'OI', '01'), 8)) STORED;
CREATE INDEX open_expectations_by_reference ON payments.open_expectations (begins);
CREATE INDEX open_expectations_of_payouts ON payments.open_expectations (expectation_id COLLATE "C") WHERE leg = 3;

-- Every change of state that is neither the first (its row in `expectations`) nor a match (its row in `match_groups`).
CREATE TABLE payments.expectation_moves (
    expectation_id text NOT NULL REFERENCES payments.expectations,
    number         integer NOT NULL CHECK (number > 0),
    from_state     text NOT NULL,
    to_state       text NOT NULL,
    rule           text NOT NULL,
    actor          text NOT NULL,
    reason         text NOT NULL,
    moved_on       date NOT NULL,
    PRIMARY KEY (expectation_id, number),
    FOREIGN KEY (from_state, to_state) REFERENCES payments.expectation_steps
);
