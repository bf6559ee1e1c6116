import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from simulation.book import Book, BookFault
from simulation.faults import LATE_DAYS, OF_SETTLEMENTS, FaultKind, fault_of
from simulation.provider import ClaimOrder, KeyConflict, ProviderBook, ProviderOrder, open_provider, read_behaviour

MONDAY = date(2026, 1, 5)


def an_order(key: str, minor: int = 25_00, day: date = MONDAY, shopper: str = "s-1") -> ProviderOrder:
    return ProviderOrder(key, minor, "GBP", shopper, key.rpartition("#")[0], day)


def always(*shoppers: str, kind: str = "pays", start: int = 1) -> Mapping[str, tuple[str, int]]:
    return dict.fromkeys(shoppers, (kind, start))


def a_provider(folder: Path, kind: str = "pays", start: int = 1, seed: int = 7) -> ProviderBook:
    return open_provider(folder, seed, always("s-1", kind=kind, start=start))


def test_the_same_key_is_charged_once(tmp_path: Path) -> None:
    provider = a_provider(tmp_path)

    first, _ = provider.charge(an_order("p-1/1#1"))
    again, _ = provider.charge(an_order("p-1/1#1", day=MONDAY + timedelta(days=1)))

    assert first == again
    assert len((tmp_path / "provider.jsonl").read_text().splitlines()) == 1


def test_the_same_key_with_another_amount_names_the_field(tmp_path: Path) -> None:
    provider = a_provider(tmp_path)
    provider.charge(an_order("p-1/1#1", 25_00))

    with pytest.raises(KeyConflict) as caught:
        provider.charge(an_order("p-1/1#1", 26_00))

    assert caught.value.field == "amount_minor"


@pytest.mark.parametrize(
    ("kind", "start", "key", "status", "lost"),
    [
        ("pays", 1, "p-1/1#1", "captured", False),
        ("pays_on_retry", 1, "p-1/1#1", "declined", False),
        ("pays_on_retry", 1, "p-1/1#2", "captured", False),
        ("stops_paying", 2, "p-1/1#1", "captured", False),
        ("stops_paying", 2, "p-1/2#1", "declined", False),
        ("stops_paying", 2, "p-1/3#2", "declined", False),
        ("answers_late", 1, "p-1/1#1", "captured", True),
        ("takes_back", 1, "p-1/1#1", "captured", False),
    ],
)
def test_a_shopper_of_the_world_answers_as_the_world_says(
    tmp_path: Path, *, kind: str, start: int, key: str, status: str, lost: bool
) -> None:
    charge, answer_lost = a_provider(tmp_path, kind, start).charge(an_order(key))

    assert (charge.status, answer_lost) == (status, lost)


def test_a_lost_answer_is_given_the_second_time(tmp_path: Path) -> None:
    provider = a_provider(tmp_path, "answers_late")
    provider.charge(an_order("p-1/1#1"))

    charge, lost = provider.charge(an_order("p-1/1#1"))

    assert (charge.status, lost) == ("captured", False)


def test_an_unknown_shopper_gets_every_kind_of_answer_and_the_same_ones_from_the_same_seed(tmp_path: Path) -> None:
    outcomes = []
    for folder in ("a", "b"):
        provider = open_provider(tmp_path / folder, 7, {})
        charges = [provider.charge(an_order(f"p-{number}/1#1")) for number in range(200)]
        outcomes.append([(charge.status, lost) for charge, lost in charges])

    assert outcomes[0] == outcomes[1]
    assert set(outcomes[0]) == {("captured", False), ("captured", True), ("declined", False)}


def test_a_restart_finds_every_charge_and_settlement(tmp_path: Path) -> None:
    provider = a_provider(tmp_path)
    charges = [provider.charge(an_order(f"p-{number}/1#1"))[0] for number in range(4)]
    settled = provider.settle(MONDAY)

    restarted = a_provider(tmp_path)

    assert [restarted.find(charge.order.key) for charge in charges] == charges
    assert restarted.settle(MONDAY) == settled
    assert restarted.labels == provider.labels


def test_a_record_cut_off_by_a_crash_is_dropped_and_the_book_goes_on(tmp_path: Path) -> None:
    a_provider(tmp_path).charge(an_order("p-1/1#1"))
    with (tmp_path / "provider.jsonl").open("a") as file:
        file.write('{"kind":"charge","order":{"key":"p-2')

    restarted = a_provider(tmp_path)
    restarted.charge(an_order("p-3/1#1"))

    assert restarted.find("p-1/1#1") is not None
    assert [record["order"]["key"] for record in Book(tmp_path / "provider.jsonl").records] == ["p-1/1#1", "p-3/1#1"]


def test_a_damaged_book_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "provider.jsonl").write_text("{}\nrubbish\n")

    with pytest.raises(BookFault, match="line 2 is not JSON"):
        Book(tmp_path / "provider.jsonl")


def test_the_rows_of_a_settlement_sum_to_zero_and_name_each_attempt_once(tmp_path: Path) -> None:
    provider = a_provider(tmp_path)
    for number in range(5):
        provider.charge(an_order(f"p-{number}/1#1", 30_00 + number))

    (settlement,) = provider.settle(MONDAY)

    assert sum(row.amount_minor for row in settlement.rows) == 0
    assert [row.attempt_id for row in settlement.rows if row.kind == "capture"] == [f"p-{n}/1#1" for n in range(5)]
    assert settlement.net_minor == 150_10 - sum((30_00 + n) * 140 // 10_000 + 20 for n in range(5))


def test_a_claim_nets_out_of_a_payout_that_carries_it_comes_back_when_it_is_won_and_moves_nothing_when_lost(
    tmp_path: Path,
) -> None:
    provider = a_provider(tmp_path)
    for key, minor in (("p-1/1#1", 60_00), ("p-2/1#1", 25_00)):
        provider.charge(an_order(key, minor))
    provider.settle(MONDAY)
    days = [MONDAY + timedelta(days=number) for number in range(1, 6)]
    stages = (("cb-1", "opened", "p-1/1#1"), ("cb-2", "opened", "p-2/1#1"), ("cb-2", "lost", "p-2/1#1"))
    for case_id, stage, key in (*stages, *stages):
        provider.claim(ClaimOrder(case_id, stage, key, days[0]))
    provider.charge(an_order("p-3/1#1", 40_00, days[0]))

    def moved(book: ProviderBook, day: date) -> list[tuple[str, str, int]]:
        rows = [row for each in book.settle(day) for row in each.rows]
        assert sum(row.amount_minor for row in rows) == 0
        return [(row.kind, row.detail, row.amount_minor) for row in rows if row.kind.startswith("chargeback")]

    first = moved(provider, days[0])
    provider.charge(an_order("p-4/1#1", 90_00, days[1]))
    second = moved(provider, days[1])
    again = moved(a_provider(tmp_path), days[1])
    provider.claim(ClaimOrder("cb-1", "won", "p-1/1#1", days[2]))
    third, fourth = moved(provider, days[2]), moved(provider, days[3])

    assert first == [("chargeback", "cb-2", -25_00)], "the larger one waits for a payout that carries it"
    assert second == again == [("chargeback", "cb-1", -60_00)]
    assert third == [("chargeback_won", "cb-1", 60_00)]
    assert fourth == []


def test_a_claim_on_what_was_not_captured_is_refused(tmp_path: Path) -> None:
    provider = a_provider(tmp_path, kind="stops_paying")
    provider.charge(an_order("p-1/1#1"))

    for key in ("p-1/1#1", "p-9/1#1"):
        with pytest.raises(KeyError):
            provider.claim(ClaimOrder("cb-1", "opened", key, MONDAY))


def test_a_declined_charge_is_never_settled(tmp_path: Path) -> None:
    provider = a_provider(tmp_path, "stops_paying", 1)
    provider.charge(an_order("p-1/1#1"))

    assert provider.settle(MONDAY) == []


def test_a_payment_taken_back_is_returned_once_in_a_later_settlement(tmp_path: Path) -> None:
    provider = open_provider(tmp_path, 7, {**always("s-1", kind="takes_back"), **always("s-2")})
    provider.charge(an_order("p-1/1#1"))
    provider.settle(MONDAY)
    returned = []
    for days in range(1, 6):
        day = MONDAY + timedelta(days=days)
        provider.charge(an_order(f"p-9/{days}#1", 60_00, day, "s-2"))
        for settlement in provider.settle(day):
            returned += [(row.attempt_id, row.amount_minor, days) for row in settlement.rows if row.kind == "return"]

    assert returned == [("p-1/1#1", -25_00, 3)]
    assert [(label.kind, label.about) for label in provider.labels] == [(FaultKind.RETURNED, "p-1/1#1")]


def run_a_month(folder: Path, seed: int) -> ProviderBook:
    provider = open_provider(folder, seed, {"s-1": ("pays", 1)})
    for days in range(30):
        day = MONDAY + timedelta(days=days)
        for number in range(4):
            provider.charge(an_order(f"p-{days}-{number}/1#1", day=day))
        provider.settle(day)
    return provider


def test_each_fault_is_planted_once_every_capture_is_reported_but_the_missing_one(tmp_path: Path) -> None:
    provider = run_a_month(tmp_path, 7)

    kinds = [label.kind for label in provider.labels]
    assert {kind: kinds.count(kind) >= 2 for kind in OF_SETTLEMENTS} == dict.fromkeys(OF_SETTLEMENTS, True)
    settlements = provider.settlements_before(date(2027, 1, 1))
    reported = [row.attempt_id for settlement in settlements for row in settlement.rows if row.kind == "capture"]
    missing = [label.about for label in provider.labels if label.kind is FaultKind.MISSING_LINE]
    everything = {f"p-{days}-{number}/1#1" for days in range(30) for number in range(4)}
    assert len(reported) == len(set(reported))
    assert everything - set(reported) == set(missing) | {
        key for key in provider.pending_faults() if key not in reported
    }
    assert sum(row.amount_minor for settlement in settlements for row in settlement.rows) == 0


def test_a_late_line_comes_with_its_own_day_in_a_much_later_file(tmp_path: Path) -> None:
    provider = run_a_month(tmp_path, 7)

    late = {label.about: label.planted_on for label in provider.labels if label.kind is FaultKind.LATE}
    assert late
    for settlement in provider.settlements_before(date(2027, 1, 1)):
        for row in settlement.rows:
            if row.kind == "capture" and row.attempt_id in late:
                assert settlement.settled_on == late[row.attempt_id]
                assert settlement.settled_on >= date.fromisoformat(row.booked_on) + timedelta(days=LATE_DAYS)


def test_the_same_seed_plants_the_same_faults_and_another_seed_others(tmp_path: Path) -> None:
    one, same, other = (run_a_month(tmp_path / name, seed) for name, seed in (("a", 7), ("b", 7), ("c", 8)))

    assert one.labels == same.labels
    assert one.labels != other.labels


@pytest.mark.parametrize("seed", range(20))
def test_every_kind_of_fault_comes_in_the_first_six_settlements(seed: int) -> None:
    assert {fault_of(seed, number) for number in range(1, 7)} == {None, *OF_SETTLEMENTS}


def test_the_worlds_behaviour_file_is_read_by_shopper() -> None:
    row = {"account_id": "a-1", "shopper_id": "s-1", "kind": "takes_back", "from_instalment": 2}

    assert read_behaviour([json.dumps(row), ""]) == {"s-1": ("takes_back", 2)}
