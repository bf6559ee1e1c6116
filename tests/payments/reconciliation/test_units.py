"""A payout with its parts, or a single line, that cannot be booked is a break of its own and stops nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ledger.account import Side
from ledger.money import Currency, Money
from payments.collection.attempt import AttemptEvent, AttemptState
from payments.each_alone import each_alone, reason_of
from payments.expectation_key import DebitKey, PayoutKey
from payments.files.bank_statement import COLUMNS as STATEMENT
from payments.files.control_file import FileContent, write_controlled
from payments.files.line import FileLine
from payments.ids import AttemptId, ProviderPayoutId
from payments.line_key import LineKind
from tests.payments.merchants.test_pay_merchants import sold
from tests.payments.outside import (
    CAPITAL,
    Outside,
    at,
    collected,
    inbox_reconciled,
    merchants_paid,
    pay_capital_in,
    reconciled,
)
from tests.payments.plans import an_open_plan, first_due, posted, rows, the_adapters

DAY = date(2026, 3, 10)


def a_line(name: str, kind: LineKind = LineKind.DEBIT, **other: object) -> FileLine:
    return FileLine(name, kind, Money(100, Currency.GBP), DAY, DAY, **other)  # type: ignore[arg-type]


def movements(path: Path, *rows_: tuple[int, str], first: int = 1, opening: int = 0, account: str = "main") -> Path:
    """A statement with these amounts and references, whose rows are numbered from `first`."""
    balance, written = opening, []
    for number, (minor, reference) in enumerate(rows_, first):
        balance += minor
        written.append(
            {
                "line_id": f"{path.stem}/{number}", "account": account, "statement": first, "amount_minor": minor,
                "balance_minor": balance, "currency": "GBP", "booked_on": DAY, "value_on": DAY,
                "reference": reference, "counterparty": "THE BANK",
            }
        )  # fmt: skip
    write_controlled(path, STATEMENT, written)
    return path


class Store:
    """Remembers what was written, and forgets what was written inside a block that failed."""

    def __init__(self) -> None:
        self.written: list[str] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        before = list(self.written)
        try:
            yield
        except BaseException:
            self.written = before
            raise


@given(st.lists(st.booleans(), max_size=40))
def test_exactly_the_units_that_fail_by_themselves_are_left_out_and_nothing_of_them_stays(bad: list[bool]) -> None:
    store = Store()
    units = [f"line:{number:03}" for number in range(len(bad))]
    refused = {unit for unit, is_bad in zip(units, bad, strict=True) if is_bad}

    def settle(some: Sequence[str]) -> list[str]:
        for unit in some:
            store.written.append(unit)
            if unit in refused:
                raise ZeroDivisionError(f"nothing for {unit}")
        return list(some)

    found, failed = each_alone(units, settle, store.transaction)

    assert store.written == [unit for part in found for unit in part] == [u for u in units if u not in refused]
    assert {unit for unit, _ in failed} == refused


def test_a_payout_is_one_unit_with_its_parts_and_its_credit_and_any_other_line_is_one_alone(database_url: str) -> None:
    payout = ProviderPayoutId("po-1")
    parts = [a_line("c", LineKind.CAPTURE, payout_id=payout), a_line("k", LineKind.CREDIT, key=PayoutKey(payout))]
    shopper = [a_line("r1", LineKind.REPAYMENT, account_id="7"), a_line("r2", LineKind.REPAYMENT, account_id="7")]
    alone = [a_line("d1", key=DebitKey("x")), a_line("d2", key=DebitKey("x"))]
    by_the_sum = [a_line("f", LineKind.FEE, payout_id=payout), a_line("p", LineKind.PAYOUT, payout_id=payout)]

    with the_adapters(database_url) as ports, ports.transaction():
        content = FileContent(Path("a.csv"), b"a")
        ports.reconciliation.take_file(content, "bank_statement", 8, at(DAY))
        received = ports.reconciliation.receive_lines([*alone, *shopper, *parts, *by_the_sum])
        ports.reconciliation.add_received(content.digest, received.rows)
        units = ports.reconciliation.open_units()
        lines = [ports.reconciliation.lines_of_units([unit]) for unit, _ in units]

    assert units == [("payout:po-1", 2), ("line:d1", 1), ("line:d2", 1), ("account:7", 2)]
    assert [[line.line_id for line in unit] for unit in lines] == [["c", "k"], ["d1"], ["d2"], ["r1", "r2"]]


def test_a_reason_has_one_line_whatever_the_error_says() -> None:
    assert reason_of(KeyError("a\nb\x00c")).count("\n") == 0
    assert len(reason_of(ValueError("x" * 9_999))) == 500


def test_a_capture_for_an_attempt_that_is_only_claimed_is_a_break_and_the_bank_is_booked_all_the_same(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {"s-1": ("answers_late", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        due = first_due(an_open_plan(ports))
        assert collected(ports, due).unknown == 1
        ((attempt_id,),) = rows(ports, "SELECT attempt_id FROM payments.attempts")
        with ports.transaction():
            ports.attempts.move(AttemptId(attempt_id), AttemptEvent.NEVER_SEEN, at=at(due), cause="not known")
        outside.end(due)
        movements(outside.inbox / "z.csv", (5_00, "thanks"), account="main")

        first = inbox_reconciled(ports, outside, due)
        second = inbox_reconciled(ports, outside, due)

        assert (first.waiting, second.waiting) == (1, 1)
        assert first.breaks["E11"] == 1
        assert second.breaks == {}
        assert posted(ports, "suspense:unapplied", Side.CREDIT) == 5_00
        assert ports.attempts.counts() == {AttemptState.CLAIMED: 1}
        assert ports.ledger.trial_balance().balanced


def test_a_payout_that_the_bank_returns_twice_is_owed_again_once_and_the_second_time_is_a_break(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url, outside.provider) as ports:
        pay_capital_in(ports, DAY)
        sold(ports, 1, 95_00)
        merchants_paid(ports, outside, DAY)
        payout = f"mp-{DAY}-m-1-GBP"
        back = (95_00, f"{payout} AC04")
        first = movements(tmp_path / "one.csv", (-95_00, payout), back, back, opening=CAPITAL.minor)
        second = movements(tmp_path / "two.csv", back, first=2, opening=CAPITAL.minor + 95_00)

        report = reconciled(ports, [first], DAY)
        later = reconciled(ports, [second], DAY)

        assert (report.breaks, report.waiting) == ({"E16": 1, "E6": 1}, 0)
        assert (later.breaks, later.waiting) == ({"E6": 1}, 0)
        assert posted(ports, "merchant:m-1:payable", Side.CREDIT) == 95_00
        assert posted(ports, "suspense:unapplied", Side.CREDIT) == 190_00
        assert ports.ledger.balance("bank:main", Currency.GBP).posted(Side.DEBIT).minor == 10_000_00 + 190_00


def test_text_behind_our_reference_of_a_debit_is_text(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url, outside.provider) as ports:
        pay_capital_in(ports, DAY)
        sold(ports, 1, 95_00)
        merchants_paid(ports, outside, DAY)

        reference = f"mp-{DAY}-m-1-GBP FASTER PAYMENT"
        paid_out = movements(tmp_path / "one.csv", (-95_00, reference), opening=CAPITAL.minor)

        report = reconciled(ports, [paid_out], DAY)

        assert (report.matched_by_id, report.breaks) == (1, {})
        assert posted(ports, "bank:main") == 10_000_00 - 95_00
        assert posted(ports, "merchant:m-1:payable", Side.CREDIT) == 0
        assert merchants_paid(ports, outside, DAY + timedelta(days=1)).paid_minor == {}
