"""Berka tables become canonical events; bad rows are named, bad files stop everything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from data_contracts.catalog import event_contracts
from data_contracts.quarantine import violations_of
from pipelines.sources.berka import Berka
from pipelines.sources.source import SourceFault
from tests.pipelines.sources.berka_folder import HEADERS, ROWS, a_berka_folder, write_table


def bodies(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(event.body) for event in Berka(folder).read().events]


def body(folder: Path, event_id: str) -> dict[str, Any]:
    return next(found for found in bodies(folder) if found["event_id"] == event_id)


def test_every_event_fulfils_its_contract(tmp_path: Path) -> None:
    found = bodies(a_berka_folder(tmp_path))

    assert Counter(event["event_type"] for event in found) == {
        "shopper.v1": 2,
        "account.v1": 2,
        "bank_transaction.v1": 5,
        "credit_application.v1": 1,
        "granted_loan.v1": 1,
        "loan_outcome.v1": 1,
    }
    for event in found:
        contract = event_contracts()[event["event_type"]]
        assert violations_of(contract, event) == (), event["event_id"]
        assert set(event) == set(contract.by_name)


def test_events_come_in_the_order_of_their_days_and_undated_outcomes_last(tmp_path: Path) -> None:
    found = bodies(a_berka_folder(tmp_path, trans=list(reversed(ROWS["trans"]))))
    days = [event["occurred_at"] for event in found]

    assert days[:-1] == sorted(days[:-1])
    assert found[-1]["event_type"] == "loan_outcome.v1"
    assert days[-1] is None
    first_of_account = next(event for event in found if event.get("account_id") == "1")
    assert first_of_account["event_type"] == "account.v1"
    first_of_owner = next(event for event in found if event.get("shopper_id") == "11")
    assert first_of_owner["event_type"] == "shopper.v1"


def test_a_bank_transaction_is_told_in_our_words(tmp_path: Path) -> None:
    assert body(a_berka_folder(tmp_path), "berka:trans:105") == {
        "event_id": "berka:trans:105",
        "event_type": "bank_transaction.v1",
        "source": "berka",
        "occurred_at": "1996-02-12T00:00:00Z",
        "recorded_at": "1996-02-13T00:00:00Z",
        "account_id": "2",
        "booked_on": "1996-02-12",
        "sequence": 105,
        "direction": "debit",
        "amount_minor": 337270,
        "currency": "CZK",
        "balance_after_minor": 2880,
        "operation": "transfer_out",
        "purpose": "loan_instalment",
        "counterparty_bank": "ST",
        "counterparty_account": "89597016",
        "reference": None,
    }


def test_cash_taken_is_a_debit_an_empty_purpose_is_other_and_an_overdrawn_balance_negative(tmp_path: Path) -> None:
    found = body(a_berka_folder(tmp_path), "berka:trans:103")

    assert (found["direction"], found["operation"], found["purpose"]) == ("debit", "cash_out", "other")
    assert found["balance_after_minor"] == -50000


def test_a_loan_is_an_application_a_grant_with_the_standing_orders_amount_and_an_outcome(tmp_path: Path) -> None:
    folder = a_berka_folder(tmp_path)

    application = body(folder, "berka:credit_application:41")
    assert (application["application_id"], application["shopper_id"]) == ("berka:loan:41", "12")
    assert (application["applied_at"], application["channel"]) == ("1996-01-05T00:00:00Z", "branch")
    granted = body(folder, "berka:granted_loan:41")
    assert (granted["loan_id"], granted["amount_minor"], granted["instalment_minor"]) == ("41", 8095200, 337270)
    assert body(folder, "berka:loan_outcome:41")["status"] == "finished_paid"


def test_a_shopper_is_the_owners_number_and_the_country_known_since_the_first_account(tmp_path: Path) -> None:
    earlier = '3;18;"POPLATEK MESICNE";950301'
    folder = a_berka_folder(
        tmp_path, account=[*ROWS["account"], earlier], disp=[*ROWS["disp"], '4;11;3;"OWNER"'], trans=[], loan=[]
    )
    reading = Berka(folder).read()
    told = {event.event_id: event for event in reading.events}

    assert [event_id for event_id in told if ":shopper:" in event_id] == ["berka:shopper:11", "berka:shopper:12"]
    assert len(told) == reading.count == 2 + 3
    assert json.loads(told["berka:shopper:11"].body) == {
        "event_id": "berka:shopper:11",
        "event_type": "shopper.v1",
        "source": "berka",
        "occurred_at": "1995-03-01T00:00:00Z",
        "recorded_at": "1995-03-02T00:00:00Z",
        "shopper_id": "11",
        "country": "CZ",
        "known_since": "1995-03-01",
    }


def test_nothing_of_clients_districts_and_cards_is_told_but_the_owners_number(tmp_path: Path) -> None:
    text = json.dumps(bodies(a_berka_folder(tmp_path)))

    assert '"shopper_id": "11"' in text
    for secret in ("706213", "450204", "Somewhere", "12541", "classic", "birth", "district"):
        assert secret not in text


def test_several_files_of_a_table_are_one_table_plain_or_packed(tmp_path: Path) -> None:
    folder = a_berka_folder(tmp_path, trans=[])
    (folder / "trans.asc").unlink()
    write_table(folder / "trans_recovered_1995.asc", "trans", ROWS["trans"][:3])
    write_table(folder / "trans_recovered_1996.asc.gz", "trans", ROWS["trans"][2:])
    write_table(folder / "loan_1997_1998.asc.gz", "loan", ['42;1;970105;12000;12;1000.00;"C"'])
    write_table(folder / "order.asc", "order", [*ROWS["order"], '23;1;"ST";"1";1000.00;"UVER"'])

    reading = Berka(folder).read()

    assert reading.rejects == ()
    assert reading.count == 2 + 2 + 5 + 3 * 2
    assert sum(1 for _ in reading.events) == reading.count


def test_files_that_only_look_like_transactions_are_not_read(tmp_path: Path) -> None:
    folder = a_berka_folder(tmp_path)
    for name in ("trans_prefix_1993.asc", "trans_preloan_1993.csv", "trans_recovered_1993_source.csv"):
        (folder / name).write_bytes(b"\xff not a table")

    assert Berka(folder).read().rejects == ()


def test_the_same_row_again_is_one_event_and_another_row_under_its_id_is_refused(tmp_path: Path) -> None:
    changed = ROWS["trans"][0].replace("1000.00;1000.00", "1000.00;1001.00")
    folder = a_berka_folder(tmp_path, trans=[*ROWS["trans"], ROWS["trans"][0], changed])

    reading = Berka(folder).read()

    assert [(reject.line, reject.reason) for reject in reading.rejects] == [
        (8, "trans_id 101 was already given with another row")
    ]
    assert body(folder, "berka:trans:101")["balance_after_minor"] == 100000


@pytest.mark.parametrize(
    ("table", "row", "reason"),
    [
        pytest.param("trans", '9;1;950401;"PRYJEM";"";1.00;1.00;"";;', "type 'PRYJEM' is not one of", id="type"),
        pytest.param("trans", '9;1;950401;"PRIJEM";"X";1.00;1.00;"";;', "operation 'X' is not one of", id="operation"),
        pytest.param("trans", '9;1;950401;"PRIJEM";"";1.00;1.00;"X";;', "k_symbol 'X' is not one of", id="k_symbol"),
        pytest.param("trans", '9;1;950431;"PRIJEM";"";1.00;1.00;"";;', "date '950431' is not a day", id="april 31"),
        pytest.param("trans", '9;1;1995-4-1;"PRIJEM";"";1.00;1.00;"";;', "is not YYMMDD", id="another date format"),
        pytest.param("trans", '9;1;950401;"PRIJEM";"";1.005;1.00;"";;', "amount '1.005' has 3 decimals", id="decimals"),
        pytest.param("trans", '9;1;950401;"PRIJEM";"";-1.00;1.00;"";;', "amount '-1.00' is not an amount", id="minus"),
        pytest.param("trans", '9;1;950401;"PRIJEM";"";1.00;1,00;"";;', "balance '1,00' is not an", id="balance"),
        pytest.param("trans", '9;77;950401;"PRIJEM";"";1.00;1.00;"";;', "unknown account 77", id="unknown account"),
        pytest.param("trans", '9;1;950401;"PRIJEM";"";1.00;1.00;""', "8 columns, needed 10", id="too few columns"),
        pytest.param("trans", '9;1;950401;"PRIJEM;"";1.00;1.00;"";;', "a quote that is not around", id="open quote"),
        pytest.param("trans", 'x;1;950401;"PRIJEM";"";1.00;1.00;"";;', "trans_id 'x' is not a whole", id="no id"),
        pytest.param("account", '3;1;"POPLATEK ROCNE";950326', "frequency 'POPLATEK ROCNE' is not", id="frequency"),
        pytest.param("account", '3;1;"POPLATEK TYDNE";950326', "account 3 has no owner in disp", id="no owner"),
        pytest.param("disp", '4;13;1;"OWNER"', "account 1 already has the owner 11", id="a second owner"),
        pytest.param("disp", '4;13;1;"BOSS"', "type 'BOSS' is not one of", id="unknown role"),
        pytest.param("order", '23;1;"YZ";"1";1.234;"UVER"', "amount '1.234' has 3 decimals", id="order decimals"),
        pytest.param("loan", '42;2;960105;80952;24;3373.00;"E"', "status 'E' is not one of", id="status"),
        pytest.param("loan", '42;1;960105;80952;24;3373.00;"A"', "account 1 has 0 standing orders UVER", id="no order"),
        pytest.param("loan", '42;2;960105;80952;many;3373.00;"A"', "duration 'many' is not", id="duration"),
    ],
)
def test_a_bad_row_is_refused_with_file_line_and_reason_and_the_rest_goes_on(
    tmp_path: Path, table: str, row: str, reason: str
) -> None:
    folder = a_berka_folder(tmp_path, **{table: [*ROWS[table], row]})

    reading = Berka(folder).read()

    (reject,) = reading.rejects
    assert (reject.file, reject.line, reject.payload) == (f"{table}.asc", len(ROWS[table]) + 2, row)
    assert reason in reject.reason
    assert reject.reject_id == f"{sha256((folder / f'{table}.asc').read_bytes()).hexdigest()}:{reject.line}"
    assert reading.count == Berka(a_berka_folder(tmp_path / "good")).read().count


def test_a_reject_is_the_same_whether_its_file_is_packed_or_not(tmp_path: Path) -> None:
    rows = [*ROWS["trans"], "nonsense"]
    plain = Berka(a_berka_folder(tmp_path / "plain", trans=rows)).read()
    packed_folder = a_berka_folder(tmp_path / "packed")
    (packed_folder / "trans.asc").unlink()
    write_table(packed_folder / "trans.asc.gz", "trans", rows)

    assert plain.rejects[0].reject_id == Berka(packed_folder).read().rejects[0].reject_id


@pytest.mark.parametrize("table", HEADERS)
def test_a_missing_table_is_named(tmp_path: Path, table: str) -> None:
    folder = a_berka_folder(tmp_path)
    (folder / f"{table}.asc").unlink()

    with pytest.raises(SourceFault, match=rf"no file {table}.*\.asc"):
        Berka(folder).read()


def _with_commas(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b";", b","))


def _with_another_header(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"_id", b"_no", 1).replace(b"A1", b"B1", 1))


def _undecodable(path: Path) -> None:
    lines = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join([lines[0], lines[1] + b"\xe9", *lines[2:]]))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("table", HEADERS)
@pytest.mark.parametrize(
    ("harm", "line", "reason"),
    [
        pytest.param(_with_commas, 1, "the delimiter is ',', needed ';'", id="wrong delimiter"),
        pytest.param(_with_another_header, 1, "the header of table", id="wrong header"),
        pytest.param(_undecodable, 2, "is no UTF-8 text", id="undecodable"),
        pytest.param(_empty, 1, "the header of table", id="empty"),
    ],
)
def test_a_faulty_file_stops_before_the_first_event(
    tmp_path: Path, table: str, harm: Callable[[Path], None], line: int, reason: str
) -> None:
    path = a_berka_folder(tmp_path) / f"{table}.asc"
    harm(path)

    with pytest.raises(SourceFault) as fault:
        Berka(tmp_path).read()

    assert (fault.value.file, fault.value.line) == (path, line)
    assert reason in fault.value.user_message


def test_a_packed_file_that_was_cut_short_is_named(tmp_path: Path) -> None:
    folder = a_berka_folder(tmp_path)
    (folder / "trans.asc").unlink()
    path = write_table(folder / "trans.asc.gz", "trans", ROWS["trans"])
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(SourceFault, match=r"trans\.asc\.gz: cannot be read"):
        Berka(folder).read()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceFault, match="no such folder"):
        Berka(tmp_path / "nowhere").read()


def test_the_real_tables_give_340558_bank_transactions_and_no_reject(berka: Path) -> None:
    reading = Berka(berka).read()

    counts = Counter(event.event_type for event in reading.events)

    assert reading.rejects == ()
    assert counts["bank_transaction.v1"] == 340_558
    assert counts["granted_loan.v1"] == 328
    assert counts["shopper.v1"] == counts["account.v1"]
