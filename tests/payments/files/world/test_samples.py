"""Every format is detected by its content and read to its own figures."""

from pathlib import Path

import pytest

from payments.files.world.item import Direction
from tests.payments.files.world import samples
from tests.payments.files.world.samples import SAMPLES, entries_of, summary_of


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sound_file_of_each_format_is_detected_and_its_own_totals_hold(name: str, tmp_path: Path) -> None:
    summary = summary_of(tmp_path, SAMPLES[name])

    assert (summary.format, summary.breaks) == (name, ())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_byte_order_mark_and_lines_that_end_in_crlf_change_nothing(name: str, tmp_path: Path) -> None:
    text = SAMPLES[name]
    windows = b"\xef\xbb\xbf" + text.replace("\r\n", "\n").replace("\n", "\r\n").encode()

    assert summary_of(tmp_path, windows) == summary_of(tmp_path, text)


def test_a_payment_order_is_a_debit_of_each_debtors_account(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, samples.PAIN001)

    assert summary.sums == {"CHF_DBIT": "1016.00", "EUR_DBIT": "100.50"}
    assert summary.accounts == ("CH5604835012345678009", "CH5604835012345678010")


def test_a_direct_debit_order_is_a_credit_of_the_creditors_account(tmp_path: Path) -> None:
    assert summary_of(tmp_path, samples.PAIN008).sums == {"EUR_CRDT": "30.75"}


def test_a_message_between_banks_has_the_amount_that_they_settle_not_the_one_instructed(tmp_path: Path) -> None:
    assert summary_of(tmp_path, samples.PACS008).sums == {"USD_CRDT": "5000.00"}


def test_a_status_report_counts_transactions_and_gives_statuses_and_reasons_of_every_level(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, samples.PAIN002)

    assert (summary.entries, summary.statuses) == (2, {"PART": 1, "RJCT": 2})
    assert summary.reasons == {"AC04": 1, "MD07": 1}


def test_a_status_report_without_a_namespace_is_read(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, samples.PACS002)

    assert (summary.statuses, summary.reasons) == ({"ACSC": 1, "RJCT": 1}, {"118": 1})


def test_a_reversal_in_mt940_goes_the_other_way(tmp_path: Path) -> None:
    reversed_credit, reversed_debit = (each for each in entries_of(tmp_path, samples.MT940) if each.is_reversal)

    assert (reversed_credit.direction, reversed_debit.direction) == (Direction.DEBIT, Direction.CREDIT)


def test_mt940_keeps_each_statements_account_number_and_text(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, samples.MT940)

    assert [(each.account, each.statement, each.number) for each in entries][2:] == [
        ("GB33BUKB20201555555555", "7/1", 3),
        ("DE87200500001234567890", "8", 1),
    ]
    assert entries[0].text == "payment of an instalment that goes on"


def test_bai2_counts_by_the_currency_of_the_account_and_keeps_free_text_whole(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, samples.BAI2)

    assert summary_of(tmp_path, samples.BAI2).sums == {
        "JPY_CRDT": "100",
        "USD_CRDT": "150.00",
        "USD_DBIT": "600.00",
    }
    assert entries[0].text == "PAID BY,THE SHOPPER,AND MORE / TEXT"


def test_a_test_group_of_bai2_is_no_money(tmp_path: Path) -> None:
    assert summary_of(tmp_path, samples.BAI2.replace("02,TRANCHE,BANK,1,", "02,TRANCHE,BANK,4,")).sums == {}


def test_nacha_returns_are_money_and_changes_are_not(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, samples.a_nacha())

    assert summary.sums == {"USD_CRDT": "5.00", "USD_DBIT": "120.25"}
    assert (summary.statuses, summary.reasons) == ({"CHANGE": 1, "ENTR": 2, "RETURN": 1}, {"C01": 1, "R01": 1})
    assert [each.status for each in entries_of(tmp_path, samples.a_nacha()) if not each.booked] == ["CHANGE"]


def test_a_mandate_lodged_by_standard_18_is_no_money(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, samples.STANDARD18)

    assert summary.sums == {"GBP_CRDT": "30.50", "GBP_DBIT": "30.50"}
    assert summary.statuses == {"01": 1, "0N": 1, "17": 1, "99": 1}
    assert [each.status for each in entries_of(tmp_path, samples.STANDARD18) if not each.booked] == ["0N"]


def test_a_standard_18_record_may_have_a_processing_day_of_its_own(tmp_path: Path) -> None:
    (entry,) = entries_of(tmp_path, samples.standard18_record("17", 999, "26063") + "\n")

    assert str(entry.value_on) == "2026-03-04"


def test_unpaid_debits_are_read_in_the_encoding_of_bacs_with_codes_of_either_length(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, samples.ARUDD.encode("latin-1"))

    assert (summary.sums, summary.reasons) == ({"GBP_DBIT": "30.00"}, {"0": 1, "1012": 1})


@pytest.mark.parametrize(("report", "reasons"), [(samples.ADDACS, {"1": 1, "B": 1}), (samples.AUDDIS, {"5": 1})])
def test_advices_on_mandates_are_read_whichever_way_their_fields_are_written(
    report: str, reasons: dict[str, int], tmp_path: Path
) -> None:
    summary = summary_of(tmp_path, report)

    assert (summary.reasons, summary.accounts, summary.sums) == (reasons, ("123456",), {})


def test_an_indemnity_claim_is_not_booked_before_the_bank_takes_it(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, samples.DDICA)

    assert (summary.entries, summary.sums, summary.reasons) == (1, {}, {"5": 1})


def test_payout_items_are_counted_in_minor_units_without_a_currency(tmp_path: Path) -> None:
    assert summary_of(tmp_path, samples.GOCARDLESS_ITEMS).sums == {"XXX_CRDT": "45", "XXX_DBIT": "20.5"}


def test_a_payment_of_gocardless_is_booked_when_it_is_confirmed_or_paid_out(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, samples.GOCARDLESS_PAYMENTS)

    assert (summary.entries, summary.sums, summary.accounts) == (2, {"GBP_CRDT": "10.00"}, ("CR1",))


def test_events_of_gocardless_give_the_banks_reason(tmp_path: Path) -> None:
    assert summary_of(tmp_path, samples.GOCARDLESS_EVENTS).reasons == {"ADDACS-B": 1}


def test_what_stripe_has_pending_is_not_booked(tmp_path: Path) -> None:
    assert summary_of(tmp_path, samples.STRIPE).sums == {"GBP_CRDT": "10.00", "GBP_DBIT": "4.00"}
