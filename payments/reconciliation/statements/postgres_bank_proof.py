"""Proof after every run: a statement's closing less the books is what the listed open items say, or it is E26."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection

from ledger.account import Side
from ledger.books.postgres import PostgresLedger
from ledger.map.flow import Flow
from ledger.money import Currency, Money
from payments.break_class import BreakClass
from payments.breaks import Break
from payments.rail_profile import RailProfile

# The newest statement of each account, and the movements on it whose cash no journal has booked yet: they wait for
# their file, for a person, or for what could not be booked.
_STATEMENTS = """
WITH newest AS (
    SELECT DISTINCT ON (bank_account, currency) bank_account, currency, number, closing_minor, closed_on
      FROM payments.statements WHERE bank_account = ANY(%(accounts)s) ORDER BY bank_account, currency, place DESC
), not_booked AS (
    SELECT l.bank_account, l.currency,
           sum(CASE l.kind WHEN 'debit' THEN -l.amount_minor ELSE l.amount_minor END) AS minor
      FROM payments.open_lines o JOIN payments.lines l USING (line_key)
     WHERE l.kind IN ('credit', 'debit')
       AND NOT EXISTS (SELECT FROM ledger.requests r
                        WHERE r.entry_id
                            = CASE l.kind WHEN 'debit' THEN %(debit)s ELSE %(credit)s END || ':' || l.line_id
                          AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position))
     GROUP BY l.bank_account, l.currency
), by_transfer AS (
    SELECT n.bank_account, n.currency, sum(l.amount_minor) AS minor
      FROM newest n JOIN payments.lines l ON l.currency = n.currency AND l.kind = 'repayment'
     WHERE n.bank_account = %(push)s AND l.booked_on > n.closed_on
     GROUP BY n.bank_account, n.currency
)
SELECT n.bank_account, n.currency, n.number, n.closing_minor, n.closed_on, coalesce(b.minor, 0), coalesce(t.minor, 0)
  FROM newest n
  LEFT JOIN not_booked b USING (bank_account, currency)
  LEFT JOIN by_transfer t USING (bank_account, currency)
 ORDER BY n.bank_account, n.currency
"""

# A day of the account to which shoppers send money is told by its statements or by files of transfers, never by both:
# the same money would enter the bank twice. The days of statements reach from their first movement to the last closing.
_TOLD_BY_STATEMENT = """
SELECT min(d.day)
  FROM (SELECT l.reported_on AS first FROM payments.lines l
         WHERE l.bank_account = %(push)s AND l.currency = %(code)s ORDER BY l.reported_on LIMIT 1) s
  JOIN (SELECT max(closed_on) AS last FROM payments.statements WHERE bank_account = %(push)s AND currency = %(code)s) e
    ON true
  JOIN unnest(%(days)s::date[]) AS d (day) ON d.day BETWEEN s.first AND e.last
"""
_TOLD_BY_TRANSFERS = """
SELECT min(booked_on) FROM payments.lines
 WHERE kind = 'repayment' AND currency = %(code)s AND reported_on BETWEEN %(first)s AND %(last)s
"""


@dataclass(frozen=True, slots=True)
class BankProof:
    """A statement against the books: closing = books + `open_items` - `elsewhere`, or the difference is a break.

    `open_items` are movements of the statement that are not booked; `elsewhere` is money that a file
    of transfers told of later days.
    """

    bank_account: str
    number: int
    closed_on: date
    closing: Money
    books: Money
    open_items: Money
    elsewhere: Money

    @property
    def about(self) -> str:
        """What the id of every break of this account and currency begins with."""
        return f"bank:{self.bank_account}:{self.closing.currency.value}:"

    @property
    def difference(self) -> Money:
        """What nothing explains."""
        return self.closing - self.books - self.open_items + self.elsewhere

    def __str__(self) -> str:
        return (
            f"{self.bank_account}: statement {self.number} closes with {self.closing}, the books hold {self.books} and "
            f"{self.open_items} is listed as not booked: {self.difference} is explained by nothing"
        )


def prove_banks(connection: Connection[Any], profile: RailProfile) -> list[BankProof]:
    """One proof for each of our bank accounts and currencies that has a statement. Read-only."""
    ledger = PostgresLedger(connection)
    about = {
        "accounts": sorted(profile.bank_accounts),
        "push": profile.push_bank,
        "debit": Flow.UNIDENTIFIED_DEBIT.value,
        "credit": Flow.UNIDENTIFIED_CREDIT.value,
    }
    proofs = []
    for account, code, number, closing, closed_on, listed, elsewhere in connection.execute(_STATEMENTS, about):
        currency = Currency(code)
        books = ledger.balance(f"bank:{account}", currency).posted(Side.DEBIT)
        closing_, listed_, elsewhere_ = (Money(int(minor), currency) for minor in (closing, listed, elsewhere))
        proofs.append(BankProof(account, number, closed_on, closing_, books, listed_, elsewhere_))
    return proofs


def day_told_by_statement(
    connection: Connection[Any], push_bank: str, currency: str, days: Iterable[date]
) -> date | None:
    """The first of the days that statements of the account have told already, if any."""
    about = {"push": push_bank, "code": currency, "days": sorted(set(days))}
    row = connection.execute(_TOLD_BY_STATEMENT, about).fetchone()
    return None if row is None else row[0]


def day_told_by_transfers(connection: Connection[Any], currency: str, first: date, last: date) -> date | None:
    """The first day in the range that a file of transfers has told already, if any."""
    row = connection.execute(_TOLD_BY_TRANSFERS, {"code": currency, "first": first, "last": last}).fetchone()
    return None if row is None else row[0]


def unexplained(proof: BankProof, profile: RailProfile) -> Break:
    """E26: the break of a statement that the books do not explain."""
    treatment = profile.treatments[BreakClass.STATEMENT_BALANCE]
    return Break(
        break_id=f"{proof.about}{proof.closed_on.year}-{proof.number}",
        break_class=BreakClass.STATEMENT_BALANCE,
        reason=str(proof),
        owner=treatment.owner,
        severity=treatment.severity,
        opened_on=proof.closed_on,
        due_by=treatment.due_by(proof.closed_on),
        amount=proof.difference,
    )
