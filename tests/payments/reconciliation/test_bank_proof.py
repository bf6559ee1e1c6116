"""After every run a statement's closing less the books is what is listed as open; else it is E26."""

from pathlib import Path

from ledger.account import Side
from lending.plan.when import When
from payments import bookings
from payments.collection.opening import must_hold
from payments.rail_profile import load_profile
from tests.payments.outside import reconciled
from tests.payments.plans import posted, pounds, rows, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, settled, stated

OPEN = "SELECT class, amount_minor FROM payments.breaks WHERE break_id LIKE 'bank:%' AND closed_on IS NULL"


def test_money_in_the_books_that_no_statement_shows_is_e26_until_one_does(database_url: str, tmp_path: Path) -> None:
    first = stated(tmp_path / "1.csv", (119_52, "thanks"))
    second = stated(tmp_path / "2.csv", (7_00, "and again"), number=2, opening=119_52)
    with the_adapters(database_url) as ports:
        clean = reconciled(ports, [first], DAY)
        journal = bookings.capital_paid_in("owners", "main", pounds(50_00), When.day(DAY))
        with ports.transaction():
            must_hold(ports.ledger.post(journal), journal.entry_id)
        wrong, again = reconciled(ports, [], DAY), reconciled(ports, [], DAY)

        assert (clean.banks_unequal, wrong.banks_unequal, again.banks_unequal) == (0, 1, 1)
        assert (wrong.breaks, again.breaks) == ({"E26": 1}, {}), "a statement is one break"
        assert rows(ports, OPEN) == [("E26", -50_00)]

        with ports.transaction():
            about = {"occurred_at": When.day(DAY).occurred_at, "recorded_at": When.day(DAY).recorded_at}
            ports.ledger.reverse(journal.entry_id, value_date=DAY, reason="paid to another bank", **about)
        cured = reconciled(ports, [second], DAY)

        assert cured.banks_unequal == 0
        assert rows(ports, OPEN) == []
        assert posted(ports, "suspense:unapplied", Side.CREDIT) == 126_52


def test_a_movement_that_waits_for_its_file_or_cannot_be_booked_is_a_listed_item(
    database_url: str, tmp_path: Path
) -> None:
    early = stated(tmp_path / "b.csv", (119_52, "po-1"), by="sandbox")
    with the_adapters(database_url) as ports:
        report = reconciled(ports, [early], DAY)
        (proof,) = ports.reconciliation.bank_proofs(load_profile())

        assert (report.breaks, report.banks_unequal) == ({"E2": 1}, 0)
        assert (proof.closing, proof.books, proof.open_items) == (pounds(119_52), pounds(0), pounds(119_52))

        reconciled(ports, [settled(tmp_path / "p.csv", ("capture", 122_00), ("fee", -2_48))], DAY)
        (proof,) = ports.reconciliation.bank_proofs(load_profile())

        assert (proof.books, proof.open_items, proof.difference) == (pounds(119_52), pounds(0), pounds(0))
