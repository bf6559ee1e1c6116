"""A bank's statement feeds reconciliation in whichever format the bank writes it."""

from datetime import date
from pathlib import Path

import pytest

from data_contracts.files import FileFault
from payments.files.bank_report import read_bank_report
from payments.files.bank_statement import StatementFault
from payments.files.control_file import FileContent
from payments.files.inbox import unseen
from payments.line_key import LineKind
from tests.payments.files.world.samples import BAI2, MT940, PAIN001, Booking, a_camt, a_detail
from tests.payments.outside import read_whole, reconciled
from tests.payments.plans import posted, rows, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, settled

NAMES = {"GB33BUKB20201555555555": "main"}
ON = f"{DAY:%y%m%d}"
PAID = f"<NtryDtls>{a_detail('119.52', end_to_end='po-1')}</NtryDtls>"
CAMT = a_camt([Booking("119.52", day=DAY.isoformat(), more=PAID)], opening="0.00", closing="119.52")
MT = (
    f":20:R\n:25:GB33BUKB20201555555555\n:28C:7/1\n:60F:C{ON}GBP0,00\n"
    f":61:{ON}{DAY:%m%d}C119,52NTRFpo-1//B-1\n:86:SNDBX PAYMENTS\n:62F:C{ON}GBP119,52\n"
)
BAI = (
    f"01,BANK,TRANCHE,{ON},0600,7,80,,2/\n02,TRANCHE,BANK,1,{ON},2359,GBP,2/\n"
    "03,GB33BUKB20201555555555,GBP,010,0,,,015,11952,,/\n16,165,11952,0,po-1,B-1,SNDBX/\n"
    "49,23904,3/\n98,23904,1,5/\n99,23904,1,7/\n"
)


def read(folder: Path, content: str) -> FileContent:
    path = folder / "statement.xml"
    path.write_text(content, encoding="utf-8")
    return FileContent.of(path)


@pytest.mark.parametrize("content", [CAMT, MT, BAI], ids=["camt.053", "MT940", "BAI2"])
def test_a_payout_is_matched_and_booked_from_any_banks_statement(
    database_url: str, tmp_path: Path, content: str
) -> None:
    settled(tmp_path / "p.csv", ("capture", 122_00), ("fee", -2_48))
    (tmp_path / "statement.XML").write_text(content, encoding="utf-8")
    with the_adapters(database_url) as ports:
        files = unseen(tmp_path, {}, DAY)
        report = reconciled(ports, files, DAY, loudly=False)
        again = reconciled(ports, files, DAY, loudly=False)

        assert (len(report.files_taken), report.files_refused) == (2, ())
        assert (again.lines, again.entries) == (0, 0)
        assert rows(ports, "SELECT rule, keys FROM payments.match_groups") == [("id", ["payout:po-1"])]
        assert (posted(ports, "bank:main"), posted(ports, "exp:provider_fee")) == (119_52, 2_48)
        closing = rows(ports, "SELECT bank_account, number, closing_minor FROM payments.statements")
        assert closing == [("main", 1, 119_52)]


def test_a_batch_is_a_line_for_each_of_its_transactions_and_what_moved_no_money_is_none(tmp_path: Path) -> None:
    batch = f"<NtryDtls>{a_detail('4.00', end_to_end='po-1')}{a_detail('6.00', end_to_end='po-2')}</NtryDtls>"
    pending = Booking("5.00", status="<Cd>PDNG</Cd>")

    parsed = read_whole(read_bank_report(read(tmp_path, a_camt([Booking(more=batch), pending])), NAMES, 10**6))

    assert [(line.amount.minor, str(line.key)) for line in parsed.lines] == [
        (4_00, "payout:po-1"),
        (6_00, "payout:po-2"),
    ]
    assert len({line.line_id for line in parsed.lines}) == 2


def test_money_that_comes_back_names_its_payment_and_the_reason(tmp_path: Path) -> None:
    returned = f"<NtryDtls>{a_detail('10.00', end_to_end='mp-1', reason='AC04')}</NtryDtls>"

    (line,) = read_whole(read_bank_report(read(tmp_path, a_camt([Booking(more=returned)])), NAMES, 10**6)).lines

    assert (str(line.key), line.detail) == ("brought-back:mp-1", "mp-1 AC04")


def test_each_account_has_its_own_balances_and_a_number_off_the_chart_keeps_its_name(tmp_path: Path) -> None:
    parsed = read_whole(read_bank_report(read(tmp_path, MT940), NAMES, 10**6))

    assert [(head.bank_account, head.opening_minor, head.closing_minor) for head in parsed.statements] == [
        ("DE87200500001234567890", -20_00, -12_75),
        ("main", 100_00, 134_50),
    ]
    assert [line.kind for line in parsed.lines] == [LineKind.CREDIT, LineKind.DEBIT, LineKind.DEBIT, LineKind.CREDIT]
    assert len(list(read_bank_report(read(tmp_path, BAI2), NAMES, 10**6).lines)) == 3


def test_a_statement_that_does_not_follow_the_one_before_waits_for_it(database_url: str, tmp_path: Path) -> None:
    first, third = tmp_path / "a.xml", tmp_path / "c.xml"
    day = DAY.isoformat()
    first.write_text(a_camt([Booking(day=day)], opening="0.00", closing="10.00"))
    third.write_text(a_camt([Booking("1.00", day=day)], opening="15.00", closing="16.00").replace("S-7", "S-9"))
    with the_adapters(database_url) as ports:
        report = reconciled(ports, [first, third], DAY, loudly=False)

        assert report.files_taken == ("a.xml",)
        assert "opens with 1500, the statement before closed with 1000" in report.files_refused[0]
        assert report.breaks["E26"] == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(PAIN001, "is no statement of a bank", id="orders"),
        pytest.param(
            a_camt(message="BkToCstmrAcctRpt", part="Rpt"), "camt.052 is no statement", id="an interim report"
        ),
        pytest.param(a_camt([Booking("10.005")], closing="110.005"), "no whole number", id="parts of a penny"),
        pytest.param(a_camt(closing="111.00"), "closing balance", id="a balance that does not follow"),
        pytest.param(a_camt([Booking(day="2999-01-01")]), "not between", id="no day"),
    ],
)
def test_what_is_no_sound_statement_is_refused_with_the_reason(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(FileFault, match=reason) as refused:
        read_whole(read_bank_report(read(tmp_path, content), NAMES, 10**6))

    assert isinstance(refused.value, StatementFault) is (reason == "closing balance")


def test_a_day_after_the_file_came_is_refused(tmp_path: Path) -> None:
    content = read(tmp_path, a_camt())

    with pytest.raises(FileFault, match="the day on which the file came"):
        read_whole(read_bank_report(FileContent.of(content.path, latest=date(2026, 3, 1)), NAMES, 10**6))
