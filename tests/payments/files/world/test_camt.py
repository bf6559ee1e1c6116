"""Bank statements of ISO 20022: what is money, in which direction, and whether the statement adds up."""

from pathlib import Path

import pytest

from data_contracts.files import FileFault
from tests.payments.files.world.samples import (
    Booking,
    a_balance,
    a_camt,
    a_detail,
    a_file,
    entries_of,
    summary_of,
)


@pytest.mark.parametrize("version", ["camt.053.001.01", "camt.053.001.02", "camt.053.001.13"])
def test_any_version_of_the_namespace_is_read(version: str, tmp_path: Path) -> None:
    assert summary_of(tmp_path, a_camt(version=version)).sums == {"GBP_CRDT": "10.00"}


def test_the_first_edition_has_its_number_in_the_name_of_the_message(tmp_path: Path) -> None:
    text = a_camt(message="BkToCstmrAcctRptV01", part="Rpt", opening=None, closing=None)

    assert summary_of(tmp_path, text).format == "camt.052"


@pytest.mark.parametrize("status", ["BOOK", "<Cd>BOOK</Cd>"])
def test_a_booked_entry_is_money_in_old_and_new_versions(status: str, tmp_path: Path) -> None:
    assert summary_of(tmp_path, a_camt([Booking(status=status)])).sums == {"GBP_CRDT": "10.00"}


@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR"])
def test_a_pending_or_informative_entry_is_counted_and_is_no_money(status: str, tmp_path: Path) -> None:
    summary = summary_of(tmp_path, a_camt([Booking(), Booking("7.00", status=f"<Cd>{status}</Cd>")]))

    assert (summary.entries, summary.sums, summary.breaks) == (2, {"GBP_CRDT": "10.00"}, ())


def test_a_reversal_has_its_own_direction_already(tmp_path: Path) -> None:
    entry = Booking(side="DBIT", more="<RvslInd>true</RvslInd>")
    text = a_camt([entry], closing="90.00")

    (read,) = entries_of(tmp_path, text)
    assert (read.is_reversal, read.direction.value) == (True, "DBIT")
    assert summary_of(tmp_path, text).breaks == ()


def test_five_decimals_are_kept_exactly(tmp_path: Path) -> None:
    text = a_camt([Booking("0.00001"), Booking("1.00000")], opening="0", closing="1.00001")

    summary = summary_of(tmp_path, text)
    assert (summary.sums, summary.breaks) == ({"GBP_CRDT": "1.00001"}, ())


def test_a_currency_without_minor_units_is_shown_without_a_point(tmp_path: Path) -> None:
    text = a_camt([Booking("2700.00", "JPY")], opening="0", closing="2700", currency="JPY")

    summary = summary_of(tmp_path, text)
    assert (summary.sums, summary.balances[1].amount) == ({"JPY_CRDT": "2700"}, "2700")


def test_a_batch_keeps_all_its_transactions_and_their_reasons(tmp_path: Path) -> None:
    details = a_detail("4.00", reason="AC04") + a_detail("6.00", end_to_end="E-2", reason="MD06")
    batch = f'<Btch><NbOfTxs>2</NbOfTxs><TtlAmt Ccy="GBP">10.00</TtlAmt></Btch>{details}'
    text = a_camt([Booking(more=f"<NtryDtls>{batch}</NtryDtls>"), Booking("1.00")], closing="111.00")

    first, second = entries_of(tmp_path, text)
    assert ([each.end_to_end_id for each in first.details], second.details) == (["E-1", "E-2"], ())
    assert (summary_of(tmp_path, text).reasons, summary_of(tmp_path, text).breaks) == ({"AC04": 1, "MD06": 1}, ())


@pytest.mark.parametrize(
    ("batch", "what"),
    [
        ('<Btch><NbOfTxs>3</NbOfTxs><TtlAmt Ccy="GBP">10.00</TtlAmt></Btch>', "NbOfTxs of its batch"),
        ('<Btch><NbOfTxs>2</NbOfTxs><TtlAmt Ccy="GBP">10.01</TtlAmt></Btch>', "TtlAmt of its batch"),
    ],
)
def test_a_batch_that_says_another_number_or_sum_is_a_break(batch: str, what: str, tmp_path: Path) -> None:
    details = a_detail("4.00") + a_detail("6.00")
    text = a_camt([Booking(more=f"<NtryDtls>{batch}{details}</NtryDtls>")])

    (broken,) = summary_of(tmp_path, text).breaks
    assert broken.what.endswith(what)


def test_transactions_that_do_not_add_up_to_their_entry_are_a_break(tmp_path: Path) -> None:
    text = a_camt([Booking(more=f"<NtryDtls>{a_detail('4.00')}{a_detail('6.01')}</NtryDtls>")])

    (broken,) = summary_of(tmp_path, text).breaks
    assert (broken.says, broken.found, broken.break_class.value) == ("10", "10.01", "E26")


def test_opening_and_movements_that_miss_the_closing_balance_are_a_break_with_the_figures(tmp_path: Path) -> None:
    (broken,) = summary_of(tmp_path, a_camt(closing="110.01")).breaks

    assert (broken.says, broken.found, broken.break_class.value) == ("110.01", "110", "E26")


def test_a_closing_balance_in_another_currency_is_a_break(tmp_path: Path) -> None:
    (broken,) = summary_of(tmp_path, a_camt(closing=None, more=a_balance("CLBD", "110.00", "EUR"))).breaks

    assert broken.says == "110.00 EUR"


def test_a_page_of_several_is_not_held_to_the_balances_of_all_of_them(tmp_path: Path) -> None:
    page = "<StmtPgntn><PgNb>2</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>"

    assert summary_of(tmp_path, a_camt(closing="500.00", more=page)).breaks == ()


@pytest.mark.parametrize(("number", "total", "broken"), [("1", "10.00", 0), ("2", "10.00", 1), ("1", "10.01", 1)])
def test_a_summary_of_transactions_is_compared_with_them(number: str, total: str, broken: int, tmp_path: Path) -> None:
    summary = f"<TxsSummry><TtlCdtNtries><NbOfNtries>{number}</NbOfNtries><Sum>{total}</Sum></TtlCdtNtries></TxsSummry>"

    assert len(summary_of(tmp_path, a_camt(more=summary)).breaks) == broken


def test_two_statements_are_checked_each_by_itself(tmp_path: Path) -> None:
    first = a_camt()
    start, end = first.index("<Stmt>"), first.index("</Stmt>") + len("</Stmt>")
    second = first[start:end].replace("S-7", "S-8").replace("110.00", "111.00")

    (broken,) = summary_of(tmp_path, first[:end] + second + first[end:]).breaks
    assert broken.what.startswith("statement S-8")


def test_a_fault_names_the_file_the_line_and_the_field(tmp_path: Path) -> None:
    path = a_file(tmp_path, a_camt([Booking(), Booking("ten")]))

    with pytest.raises(FileFault) as caught:
        summary_of(tmp_path, path.read_bytes())
    assert (caught.value.file, caught.value.line, caught.value.field) == (path, 8, "Ntry/Amt")
