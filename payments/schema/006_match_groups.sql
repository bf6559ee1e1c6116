-- Groups of lines and expectations that close each other, and the work lists: what is open, so that a day costs what is
-- open and not what ever came.

-- A group says by which rule and on which keys it was made. It is named after the first of its lines.
CREATE TABLE payments.match_groups (
    group_id     text PRIMARY KEY,
    rule         text NOT NULL,
    rule_version integer NOT NULL,
    keys         text[] NOT NULL,
    late         boolean NOT NULL,
    matched_on   date NOT NULL
);
-- A line and an expectation are in one group at most: matching is a partition.
CREATE TABLE payments.group_lines (
    line_key text PRIMARY KEY REFERENCES payments.lines,
    group_id text NOT NULL REFERENCES payments.match_groups
);
CREATE INDEX group_lines_by_group ON payments.group_lines (group_id);
CREATE TABLE payments.group_expectations (
    expectation_id text PRIMARY KEY REFERENCES payments.expectations,
    group_id       text NOT NULL REFERENCES payments.match_groups
);
CREATE INDEX group_expectations_by_group ON payments.group_expectations (group_id);

INSERT INTO payments.match_groups
SELECT line_key, rule, rule_version, ARRAY[expectation_id], late, matched_on FROM payments.matches;
INSERT INTO payments.group_lines SELECT line_key, line_key FROM payments.matches;
INSERT INTO payments.group_expectations SELECT expectation_id, line_key FROM payments.matches;
DROP TABLE payments.matches;

-- Lines in no group, without fee and payout rows, which the sum of their file accounts for. A unit is booked as a whole
-- or not at all: a payout with its parts and its credit, the transfers of one account, or a single line.
CREATE TABLE payments.open_lines (
    line_key     text PRIMARY KEY REFERENCES payments.lines,
    unit         text NOT NULL,
    booked_on    date NOT NULL,
    amount_minor bigint NOT NULL
);
CREATE INDEX open_lines_by_unit ON payments.open_lines (unit);
INSERT INTO payments.open_lines
SELECT l.line_key,
       CASE WHEN l.key LIKE 'payout:%' THEN l.key WHEN l.payout_id IS NOT NULL THEN 'payout:' || l.payout_id
            WHEN l.account_id IS NOT NULL THEN 'account:' || l.account_id ELSE 'line:' || l.line_id END,
       l.booked_on, l.amount_minor
  FROM payments.lines l
 WHERE l.kind NOT IN ('fee', 'payout')
   AND NOT EXISTS (SELECT FROM payments.group_lines g WHERE g.line_key = l.line_key);

CREATE TABLE payments.open_expectations (
    expectation_id text PRIMARY KEY REFERENCES payments.expectations,
    leg            smallint NOT NULL,
    expected_on    date NOT NULL,
    due_by         date NOT NULL
);
CREATE INDEX open_expectations_by_due_day ON payments.open_expectations (due_by);
INSERT INTO payments.open_expectations
SELECT e.expectation_id, e.leg, e.expected_on, e.due_by FROM payments.expectations e
 WHERE NOT EXISTS (SELECT FROM payments.group_expectations g WHERE g.expectation_id = e.expectation_id);

CREATE INDEX lines_by_day ON payments.lines (reported_on);
CREATE INDEX breaks_open_by_line ON payments.breaks (line_key) WHERE closed_on IS NULL;
