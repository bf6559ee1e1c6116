"""A provider's and a bank's day for benchmarks: attempts in the tables, and the files that tell what became of them.

The files are written from rows of this module alone, and share no code with what reads them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import psycopg

from ledger.money import Currency, Money
from lending.plan.plan import Instalment, InstalmentId, Origin, Plan, PlanId
from lending.servicing.postgres import PostgresPlans
from lending.terms.product import Product
from lending.terms.products import product_on

DUES = 12
AMOUNT = 25_00
SHOWN_WITHIN = 3  # days
IBAN = "GB33BUKB20201555555555"
PROVIDER_COLUMNS = (
    "line_id", "kind", "attempt_id", "reference", "amount_minor", "currency", "booked_on", "payout_id", "detail"
)  # fmt: skip

_ATTEMPTS = """
INSERT INTO payments.attempts (attempt_id, instalment_id, number, plan_id, shopper_id, account_id, provider, currency,
                               fees_minor, interest_minor, principal_minor, due_on, requested_on, opens_plan, state,
                               submitted_at, captured_on)
SELECT format('p-%%s/%%s#1', n / %(dues)s, n %% %(dues)s + 1), format('p-%%s/%%s', n / %(dues)s, n %% %(dues)s + 1), 1,
       'p-' || n / %(dues)s, 's-' || n / %(dues)s, 'a-' || n / %(dues)s, 'sandbox', %(currency)s, 0, 0, %(amount)s,
       %(day)s, %(day)s, false, %(state)s, %(at)s, CASE %(state)s WHEN 'presumed_paid' THEN %(day)s::date END
  FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""
_EXPECTED = """
INSERT INTO payments.expectations (expectation_id, leg, currency, amount_minor, expected_on, due_by, created_by)
SELECT format('capture:p-%%s/%%s#1', n / %(dues)s, n %% %(dues)s + 1), 2, %(currency)s, %(amount)s, %(day)s,
       %(day)s::date + %(within)s::int, format('p-%%s/%%s#1', n / %(dues)s, n %% %(dues)s + 1)
  FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""


def fee_of(amount: int) -> int:
    """What the sandbox's contract charges for a capture."""
    return amount * 140 // 10_000 + 20


FEE = fee_of(AMOUNT)


def attempt_of(number: int) -> str:
    return f"p-{number // DUES}/{number % DUES + 1}#1"


def open_attempts(
    connection: psycopg.Connection[Any],
    numbers: range,
    day: date,
    *,
    state: str = "presumed_paid",
    expected: bool = True,
    currency: Currency = Currency.GBP,
) -> None:
    """Plans with an attempt at each due, asked for on a day. The first number is a multiple of the dues of a plan."""
    assert numbers.start % DUES == 0, "plans are not shared"
    about = {
        "dues": DUES, "amount": AMOUNT, "day": day, "first": numbers.start, "last": numbers.stop - 1, "state": state,
        "currency": currency.value, "at": datetime.combine(day, time(12)), "within": SHOWN_WITHIN,
    }  # fmt: skip
    plans = range(numbers.start // DUES, (numbers.stop - 1) // DUES + 1)
    with connection.transaction():
        for some in range(plans.start, plans.stop, 1_000):
            made = [a_plan(each, day, currency) for each in range(some, min(some + 1_000, plans.stop))]
            PostgresPlans(connection).open_all(made)
        connection.execute(_ATTEMPTS, about)
        if expected:
            connection.execute(_EXPECTED, about)


def a_plan(
    number: int,
    day: date,
    currency: Currency = Currency.GBP,
    *,
    origin: Origin = Origin.CHECKOUT,
    dues: int = DUES,
    account: str | None = None,
) -> Plan:
    amount = Money(AMOUNT, currency)
    return Plan(
        plan_id=PlanId(f"p-{number}"),
        shopper_id=f"s-{number}",
        account_id=account or f"a-{number}",
        merchant_id="m-1",
        order_id=f"o-{number}",
        decision_id=f"d-{number}",
        origin=origin,
        product=Product.MONTHLY,
        opened_on=day,
        principal=amount * dues,
        merchant_discount=Money.zero(currency),
        annual_rate_basis_points=0,
        terms_version=product_on(Product.MONTHLY, day).version,
        instalments=tuple(
            Instalment(InstalmentId(f"p-{number}/{each}"), each, day, amount, Money.zero(currency))
            for each in range(1, dues + 1)
        ),
    )


def payout_rows(
    payout: str,
    day: date,
    parts: Iterable[tuple[str, str, str, int]],
    *,
    fee: int | None = None,
    currency: str = "GBP",
) -> Iterator[dict[str, object]]:
    """The rows of a payout: its parts as (line, kind, attempt, amount), its fee, and its own row, which sum to zero."""
    about = {"reference": "", "currency": currency, "booked_on": day, "payout_id": payout, "detail": ""}
    total = agreed = 0
    for line_id, kind, attempt, amount in parts:
        total, agreed = total + amount, agreed + (fee_of(amount) if kind == "capture" else 0)
        yield {**about, "line_id": line_id, "kind": kind, "attempt_id": attempt, "amount_minor": amount}
    fee = agreed if fee is None else fee
    if fee:
        yield {**about, "line_id": f"{payout}/fee", "kind": "fee", "attempt_id": "", "amount_minor": -fee}
    yield {**about, "line_id": f"{payout}/out", "kind": "payout", "attempt_id": "", "amount_minor": fee - total}


def captures_of(numbers: Sequence[int]) -> Iterator[tuple[str, str, str, int]]:
    for number in numbers:
        yield f"c-{number}", "capture", attempt_of(number), AMOUNT


def write_provider(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """A provider's settlement file with its control row."""
    count = total = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(PROVIDER_COLUMNS) + "\n")
        for row in rows:
            file.write(",".join(str(row[column]) for column in PROVIDER_COLUMNS) + "\n")
            count, total = count + 1, total + abs(int(str(row["amount_minor"])))
        file.write(f"#control,{count},{total}\n")
    return path


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry of a bank's statement; `minor` is negative for money out."""

    reference: str
    minor: int
    payer: str = "sandbox"
    value_days: int = 0  # behind the booking day


@dataclass(frozen=True, slots=True)
class Statement:
    """A camt.053 of one account, currency and day."""

    number: str
    day: date
    entries: Sequence[Booked]
    opening: int = 0
    iban: str = IBAN
    currency: str = "GBP"
    closing_off_by: int = 0

    @property
    def closing(self) -> int:
        return self.opening + sum(entry.minor for entry in self.entries)

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.write(
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
                f"<GrpHdr><MsgId>M-{self.number}</MsgId><CreDtTm>{self.day}T18:00:00Z</CreDtTm></GrpHdr>\n"
                f"<Stmt><Id>{self.number}</Id><Acct><Id><IBAN>{self.iban}</IBAN></Id><Ccy>{self.currency}</Ccy></Acct>\n"
            )
            file.write(self._balance("OPBD", self.opening) + self._balance("CLBD", self.closing + self.closing_off_by))
            for number, entry in enumerate(self.entries, 1):
                file.write(self._entry(number, entry))
            file.write("</Stmt></BkToCstmrStmt></Document>\n")
        return path

    def _balance(self, kind: str, minor: int) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{self._amount(minor)}"
            f"<Dt><Dt>{self.day}</Dt></Dt></Bal>\n"
        )

    def _entry(self, number: int, entry: Booked) -> str:
        party = "Dbtr" if entry.minor > 0 else "Cdtr"
        return (
            f"<Ntry><NtryRef>{number}</NtryRef>{self._amount(entry.minor)}<Sts><Cd>BOOK</Cd></Sts>"
            f"<BookgDt><Dt>{self.day}</Dt></BookgDt>"
            f"<ValDt><Dt>{self.day + timedelta(days=entry.value_days)}</Dt></ValDt>"
            f"<AcctSvcrRef>B-{number}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><{party}><Pty><Nm>{escape(entry.payer)}"
            f"</Nm></Pty></{party}></RltdPties><RmtInf><Ustrd>{escape(entry.reference)}</Ustrd></RmtInf></TxDtls>"
            "</NtryDtls></Ntry>\n"
        )

    def _amount(self, minor: int) -> str:
        side = "CRDT" if minor >= 0 else "DBIT"
        return (
            f'<Amt Ccy="{self.currency}">{abs(minor) // 100}.{abs(minor) % 100:02}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
        )
