"""What a bank or a provider may write into a file that no place behind it could keep, and how a file may be spelled."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.files import FileFault
from payments.files.bank_statement import COLUMNS as STATEMENT
from payments.files.bank_statement import read_bank_statement
from payments.files.control_file import FileContent
from payments.files.inbox import unseen
from payments.files.line import ParsedFile
from payments.files.outside_value import LARGEST
from payments.files.payout_file import COLUMNS as PAYOUT
from payments.files.payout_file import read_payouts
from payments.files.provider_settlement import COLUMNS as SETTLEMENT
from payments.files.provider_settlement import read_provider_settlement
from tests.payments.acts import reconcile
from tests.payments.outside import at, read_whole, reconciled
from tests.payments.plans import rows, the_adapters

DAY = date(2026, 3, 3)
MOVEMENT = {
    "line_id": "y-1", "account": "main", "statement": "1", "amount_minor": "700", "balance_minor": "700",
    "currency": "GBP", "booked_on": "2026-03-03", "value_on": "2026-03-03", "reference": "R", "counterparty": "BAKER",
}  # fmt: skip
WON = {
    "line_id": "w-1", "kind": "chargeback_won", "attempt_id": "a", "reference": "", "amount_minor": "700",
    "currency": "GBP", "booked_on": "2026-03-03", "payout_id": "po-1", "detail": "case-1",
}  # fmt: skip
PAID_OUT = {**WON, "line_id": "w-2", "kind": "payout", "amount_minor": "-700"}
OWED = {"payout_id": "p-1", "payee_id": "m-1", "amount_minor": "700", "currency": "GBP", "requested_on": "2026-03-03"}
Read = Callable[[FileContent], object]


def written(columns: tuple[str, ...], *rows: dict[str, str], end: str = "\n", total: int | None = None) -> bytes:
    """A file with its right control row, unless `total` is given."""
    if total is None:
        total = sum(abs(int(row["amount_minor"])) for row in rows)
    lines = [",".join(columns), *(",".join(row[column] for column in columns) for row in rows)]
    return (end.join([*lines, f"#control,{len(rows)},{total}"]) + end).encode()


def statement(content: FileContent) -> ParsedFile:
    return read_whole(read_bank_statement(content))


def settlement(content: FileContent) -> ParsedFile:
    return read_whole(read_provider_settlement(content))


READERS = [
    pytest.param(statement, STATEMENT, [MOVEMENT], id="bank statement"),
    pytest.param(settlement, SETTLEMENT, [WON, PAID_OUT], id="provider's settlement"),
    pytest.param(read_payouts, PAYOUT, [OWED], id="payout file"),
]
DAYS = ("booked_on", "value_on", "requested_on")
NO_VALUES = [
    *((("amount_minor", "balance_minor"), value) for value in (
        str(LARGEST + 1), "9223372036854775808", "9" * 5000, "1_000", "+700", " 700", "7.0", "1e3",
        "\u0667\u0660\u0660",
    )),
    *((DAYS, value) for value in (
        "9999-12-31", "1989-12-31", "2101-01-01", "20260303", "2026-W10-2", "2026-02-30",
        "\u0662\u0660\u0662\u0666-\u0660\u0663-\u0660\u0663",
    )),
    *(((column,), f"x{character}y") for column in ("line_id", "counterparty", "detail", "payee_id")
      for character in ("\x00", "\x07", "\x7f", "\x85")),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "value"), NO_VALUES, ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize(("read", "names", "rows"), READERS)
def test_a_value_that_nothing_behind_could_keep_is_refused_with_its_line_and_field(
    read: Read, names: tuple[str, ...], rows: list[dict[str, str]], columns: tuple[str, ...], value: str
) -> None:
    read(FileContent(Path("good.csv"), written(names, *rows)))
    for column in set(columns) & set(names):
        bad = written(names, {**rows[0], column: value}, *rows[1:], total=700 * len(rows))

        with pytest.raises(FileFault) as caught:
            read(FileContent(Path("bad.csv"), bad))

        assert (caught.value.line, caught.value.field) == (2, column)
        assert "\x00" not in caught.value.user_message


def _marked(raw: bytes) -> bytes:
    return b"\xef\xbb\xbf" + raw


def _quoted(raw: bytes) -> bytes:
    return raw.replace(b"GBP", b'"GBP"')


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("spelled", [lambda raw: raw, _marked, _quoted], ids=["plain", "BOM", "quoted"])
@pytest.mark.parametrize(("read", "names", "rows"), READERS)
def test_a_file_means_the_same_however_its_program_spells_it(
    read: Read, names: tuple[str, ...], rows: list[dict[str, str]], spelled: Callable[[bytes], bytes], end: str
) -> None:
    plain = read(FileContent(Path("a.csv"), written(names, *rows)))

    assert read(FileContent(Path("a.csv"), spelled(written(names, *rows, end=end)))) == plain


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_inside_quotes_belongs_to_its_text(end: str) -> None:
    raw = written(STATEMENT, {**MOVEMENT, "counterparty": f'"BAKER{end}LONDON"'}, end=end)

    (line,) = statement(FileContent(Path("a.csv"), raw)).lines

    assert line.counterparty == "BAKER LONDON"


def test_a_payout_holds_one_currency_although_its_figures_sum_to_zero() -> None:
    fee = {**WON, "line_id": "f", "kind": "fee", "amount_minor": "-50", "currency": "EUR"}
    raw = written(SETTLEMENT, WON, fee, {**PAID_OUT, "amount_minor": "-650"})

    with pytest.raises(FileFault) as caught:
        settlement(FileContent(Path("a.csv"), raw))

    assert (caught.value.line, caught.value.field) == (3, "currency")


def test_two_payouts_under_one_id_are_refused_because_one_of_them_would_be_lost() -> None:
    with pytest.raises(FileFault) as caught:
        read_payouts(FileContent(Path("a.csv"), written(PAYOUT, OWED, OWED)))

    assert (caught.value.line, caught.value.field) == (3, "payout_id")


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        pytest.param(STATEMENT, [MOVEMENT, {**MOVEMENT, "balance_minor": "1400"}], id="bank statement"),
        pytest.param(SETTLEMENT, [WON, WON, {**PAID_OUT, "amount_minor": "-1400"}], id="provider's settlement"),
    ],
)
def test_two_rows_under_one_id_refuse_their_file_and_nothing_of_it_is_stored(
    database_url: str, tmp_path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]
) -> None:
    path = tmp_path / "a.csv"
    total = sum(abs(int(row["amount_minor"])) for row in rows)
    path.write_bytes(written(columns, *rows, total=total))
    with the_adapters(database_url) as ports:
        with pytest.raises(FileFault) as caught:
            reconciled(ports, [path], DAY)

        assert (caught.value.line, caught.value.field) == (3, "line_id")
        assert "stands on line 2 too" in caught.value.reason
        assert ports.reconciliation.names_taken() == {}
        assert ports.reconciliation.open_units() == []


def test_a_file_over_the_limit_is_refused_unread_until_the_limit_allows_it(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(written(STATEMENT, MOVEMENT))
    with the_adapters(database_url) as ports:
        asked = {"ports": ports, "at": at(DAY), "as_of": DAY, "refuse_loudly": False}

        refused = reconcile([path], max_bytes=100, **asked)
        taken = reconcile([path], **asked)

        assert (refused.breaks, taken.files_taken) == ({"E22": 1}, ("large.csv",))
        assert "at most 100 are read" in refused.files_refused[0]
        assert rows(ports, "SELECT break_id, closed_by FROM payments.breaks WHERE class = 'E22'") == [
            ("file:'large.csv'", "taken")
        ]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"first")
    content = FileContent.of(path)
    path.write_bytes(b"other")

    with pytest.raises(FileFault, match="changed while it was read"):
        content.check_unchanged()


TEXT = st.text(st.characters(exclude_characters=',"\r\n'), max_size=20)


@given(st.fixed_dictionaries({column: st.one_of(st.just(MOVEMENT[column]), TEXT) for column in STATEMENT}))
def test_whatever_a_row_holds_it_is_read_or_refused(row: dict[str, str]) -> None:
    text = "\n".join([",".join(STATEMENT), ",".join(row[column] for column in STATEMENT), "#control,1,700"])
    try:
        raw = f"{text}\n".encode()
    except UnicodeEncodeError:
        return
    try:
        parsed = statement(FileContent(Path("a.csv"), raw))
    except FileFault:  # any other exception would stop every file behind this one
        return
    (line,) = parsed.lines
    assert 0 < line.amount.minor <= LARGEST
    assert all(ord(character) >= 32 for character in f"{line.line_id}{line.detail}{line.counterparty}")


def test_an_inbox_lists_any_case_of_the_suffix_and_survives_a_strange_name(tmp_path: Path) -> None:
    for name in ("a-2026-03-02.CSV", "b.Csv", "c-2026-13-45.csv", "d-2026-03-09.csv", "e.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")

    found = [path.name for path in unseen(tmp_path, {}, DAY)]

    assert found == ["b.Csv", "c-2026-13-45.csv", "gone.csv", "a-2026-03-02.CSV"]


BAD_FILES = [
    pytest.param({**MOVEMENT, "counterparty": "BA\x00KER"}, "counterparty", id="NUL"),
    pytest.param({**MOVEMENT, "amount_minor": str(2**63), "balance_minor": str(2**63)}, "amount_minor", id="64 bits"),
    pytest.param({**MOVEMENT, "booked_on": "9999-12-31"}, "booked_on", id="no day"),
    pytest.param({**MOVEMENT, "value_on": "9999-12-31"}, "value_on", id="no value day"),
]


@pytest.mark.parametrize(("row", "field"), BAD_FILES)
def test_the_file_beside_a_bad_one_is_taken_and_the_next_evening_works(
    database_url: str, tmp_path: Path, row: dict[str, str], field: str
) -> None:
    bad, good = tmp_path / "a-statement.csv", tmp_path / "settlement.csv"
    bad.write_bytes(written(STATEMENT, row))
    good.write_bytes(written(SETTLEMENT, WON, PAID_OUT))
    unnamed = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv"))
    unnamed.write_bytes(written(STATEMENT, MOVEMENT))
    with the_adapters(database_url) as ports:
        first = reconciled(ports, [bad, unnamed, good], DAY, loudly=False)
        again = reconciled(ports, [bad], DAY, loudly=False)

    assert first.files_taken == ("settlement.csv",)
    assert len(first.files_refused) == 2
    assert f"a-statement.csv: line 2: {field}: " in first.files_refused[0]
    assert first.breaks["E22"] == 2
    assert (again.files_taken, len(again.files_refused)) == ((), 1)
