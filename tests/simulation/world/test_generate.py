"""The seeded world is the same for the same seed, its books agree, and its labels name exactly what is in its files."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from data_contracts.catalog import event_contracts
from data_contracts.quarantine import violations_of
from simulation.world.generate import GenerateReport, a_world, generate
from simulation.world.size import Size

SMALL = Size(borrowers=40, buyers=12, duplicates=6, malformed=12, late=8)


@pytest.fixture(scope="module")
def world_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    generate(7, folder, SMALL)
    return folder


def rows(folder: Path, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def labels(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    return json.loads((folder / "labels.json").read_text())  # type: ignore[no-any-return]


def test_the_same_seed_writes_the_same_bytes(world_folder: Path, tmp_path: Path) -> None:
    again = generate(7, tmp_path / "again", SMALL)

    assert {path.name: path.read_bytes() for path in world_folder.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }
    assert set(again.sha256) == {path.name for path in world_folder.iterdir()}


def test_another_seed_writes_another_world(world_folder: Path, tmp_path: Path) -> None:
    generate(8, tmp_path, SMALL)

    for name in ("bank_transactions.jsonl", "checkouts.jsonl", "labels.json"):
        assert (world_folder / name).read_bytes() != (tmp_path / name).read_bytes()


def test_every_balance_is_the_balance_before_it_and_the_amount(world_folder: Path) -> None:
    malformed = {str(event["event_id"]) for event in labels(world_folder)["planted"]["malformed"]["events"]}  # type: ignore[attr-defined]
    accounts: dict[str, dict[int, dict[str, object]]] = defaultdict(dict)
    for row in rows(world_folder, "bank_transactions.jsonl"):
        if row["event_id"] not in malformed:
            accounts[str(row["account_id"])][int(str(row["sequence"]))] = row

    checked = 0
    for book in accounts.values():
        assert sorted(book) == list(range(1, len(book) + 1))
        for sequence in range(2, len(book) + 1):
            row, before = book[sequence], book[sequence - 1]
            signed = int(str(row["amount_minor"])) * (1 if row["direction"] == "credit" else -1)
            assert row["balance_after_minor"] == int(str(before["balance_after_minor"])) + signed
            assert str(row["booked_on"]) >= str(before["booked_on"])
            checked += 1
    assert checked > 1_000


def test_the_labels_name_exactly_the_events_that_stand_twice(world_folder: Path) -> None:
    counts = Counter(str(row["event_id"]) for row in rows(world_folder, "bank_transactions.jsonl"))
    planted = labels(world_folder)["planted"]["duplicates"]

    assert sorted(event_id for event_id, times in counts.items() if times == 2) == planted["event_ids"]
    assert max(counts.values()) == 2
    assert planted["planted"] == SMALL.duplicates


def test_a_repeated_event_is_the_same_to_the_byte(world_folder: Path) -> None:
    lines = Counter((world_folder / "bank_transactions.jsonl").read_text().splitlines())

    assert sum(times == 2 for times in lines.values()) == SMALL.duplicates


def test_each_malformed_event_breaks_the_column_that_its_label_names(world_folder: Path) -> None:
    by_id = {str(row["event_id"]): row for row in rows(world_folder, "bank_transactions.jsonl")}
    planted = labels(world_folder)["planted"]["malformed"]["events"]

    assert len(planted) == SMALL.malformed  # type: ignore[arg-type]
    for label in planted:  # type: ignore[attr-defined]
        broken = by_id[label["event_id"]]
        real = by_id[label["event_id"].removesuffix(":malformed")]
        assert {column for column in real if broken.get(column) != real[column]} == {"event_id", label["column"]}


def test_a_late_event_is_the_newest_before_its_moment_and_told_only_after_it(world_folder: Path) -> None:
    events = rows(world_folder, "bank_transactions.jsonl")
    planted = labels(world_folder)["planted"]["late"]["events"]

    assert len(planted) == SMALL.late  # type: ignore[arg-type]
    for label in planted:  # type: ignore[attr-defined]
        assert label["occurred_at"] < label["as_of"] < label["recorded_at"]
        known = [
            row
            for row in events
            if row["account_id"] == label["account_id"]
            and str(row["occurred_at"]) < label["as_of"]
            and str(row["recorded_at"]) <= label["as_of"]
            and not str(row["event_id"]).endswith(":malformed")
        ]
        assert max(str(row["occurred_at"]) for row in known) <= label["occurred_at"]


def test_every_loan_has_one_outcome_dated_before_the_first_checkout(world_folder: Path) -> None:
    granted = {str(row["loan_id"]): str(row["granted_on"]) for row in rows(world_folder, "granted_loans.jsonl")}
    outcomes = rows(world_folder, "loan_outcomes.jsonl")
    first_checkout = min(str(row["checkout_at"]) for row in rows(world_folder, "checkouts.jsonl"))

    assert Counter(str(row["loan_id"]) for row in outcomes) == Counter(granted.keys())
    for row in outcomes:
        assert granted[str(row["loan_id"])] < str(row["occurred_at"]) < first_checkout


def test_whoever_an_event_speaks_of_was_told_before(world_folder: Path) -> None:
    shoppers = {str(row["shopper_id"]): row for row in rows(world_folder, "shoppers.jsonl")}
    merchants = {str(row["merchant_id"]): row for row in rows(world_folder, "merchants.jsonl")}

    for account in rows(world_folder, "accounts.jsonl"):
        assert str(shoppers[str(account["shopper_id"])]["recorded_at"]) <= str(account["recorded_at"])
    for application in rows(world_folder, "credit_applications.jsonl"):
        assert str(merchants[str(application["merchant_id"])]["recorded_at"]) < str(application["recorded_at"])
    for checkout in rows(world_folder, "checkouts.jsonl"):
        assert checkout["shopper_id"] in shoppers
        assert checkout["merchant_id"] in merchants


def test_nobody_tells_sex_or_age(world_folder: Path) -> None:
    text = "".join(path.read_text() for path in world_folder.iterdir())

    for word in ("birth", "gender", "sex", 'age"'):
        assert word not in text


def test_a_full_world_has_enough_bad_loans_to_learn_from_in_train() -> None:
    world = a_world(7)
    loans = [person.loan for person in world.borrowers if person.loan]
    train = [loan for loan in loans if loan.granted_on <= world.period.train_until]

    assert len(loans) >= 1_000
    assert sum(loan.status == "finished_unpaid" for loan in train) >= 100
    assert 60_000 <= len(world.bank_transactions) <= 100_000


def test_default_depends_on_what_the_account_shows() -> None:
    loans = [person.loan for person in a_world(7).borrowers if person.loan]
    bad = sorted(loan.probability for loan in loans if loan.status == "finished_unpaid")
    good = sorted(loan.probability for loan in loans if loan.status == "finished_paid")
    ordered = sum(sum(b > g for g in good) for b in bad) / (len(bad) * len(good))

    assert ordered > 0.8


def test_the_report_counts_what_the_files_hold(tmp_path: Path) -> None:
    report: GenerateReport = generate(3, tmp_path, SMALL)

    for name, count in report.rows.items():
        assert len((tmp_path / name).read_text().splitlines()) == count
    assert report.planted == {"duplicates": 6, "malformed": 12, "late": 8}


def test_every_event_keeps_its_contract_and_each_malformed_one_breaks_only_its_column(world_folder: Path) -> None:
    contracts = event_contracts()
    planted = {
        label["event_id"]: label["column"]
        for label in labels(world_folder)["planted"]["malformed"]["events"]  # type: ignore[attr-defined]
    }
    checked = 0
    for name in (
        "merchants",
        "shoppers",
        "accounts",
        "bank_transactions",
        "credit_applications",
        "granted_loans",
        "loan_outcomes",
    ):
        for row in rows(world_folder, f"{name}.jsonl"):
            broken = {violation.column for violation in violations_of(contracts[str(row["event_type"])], row)}
            expected = {planted[str(row["event_id"])]} if row["event_id"] in planted else set()
            assert broken == expected, row
            checked += 1
    assert checked > 1_000
