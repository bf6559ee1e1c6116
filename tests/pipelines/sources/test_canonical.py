"""Files of canonical events are forwarded as they are; only what cannot be an event is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.sources.canonical import Canonical
from pipelines.sources.source import MAX_EVENT_BYTES, SourceFault


def an_event(number: int, **changes: object) -> dict[str, Any]:
    return {
        "event_id": f"seeded:{number}",
        "event_type": "bank_transaction.v1",
        "account_id": "a1",
        "recorded_at": f"2026-01-{number:02}T00:00:00Z",
    } | changes


def write(folder: Path, *lines: object, name: str = "bank_transactions.jsonl") -> Path:
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / name).write_text("\n".join(text) + "\n", encoding="utf-8")
    return folder


def test_events_come_in_the_order_of_recording_accounts_before_their_movements(tmp_path: Path) -> None:
    write(tmp_path, an_event(3), an_event(1), an_event(2))
    account = an_event(1, event_id="seeded:account", event_type="account.v1")
    write(tmp_path, account, name="accounts.jsonl")

    found = [event.event_id for event in Canonical(tmp_path).read().events]

    assert found == ["seeded:account", "seeded:1", "seeded:2", "seeded:3"]


def test_an_event_that_breaks_its_contract_is_forwarded_byte_for_byte(tmp_path: Path) -> None:
    line = '{"event_id": "x",  "event_type": "unheard_of.v9", "account_id": "a", "amount_minor": "lots"}'

    (event,) = Canonical(write(tmp_path, line)).read().events

    assert event.body == line.encode()


def test_a_shopper_and_a_merchant_come_before_the_account_and_are_keyed_by_their_own_numbers(tmp_path: Path) -> None:
    at = {"recorded_at": "2026-01-01T00:00:00Z"}
    account = an_event(1, event_id="a", event_type="account.v1", shopper_id="s1", **at)
    shopper = {"event_id": "s", "event_type": "shopper.v1", "shopper_id": "s1", **at}
    merchant = {"event_id": "m", "event_type": "merchant.v1", "merchant_id": "m1", **at}
    write(tmp_path, account, name="accounts.jsonl")
    write(tmp_path, shopper, name="shoppers.jsonl")
    write(tmp_path, merchant, name="merchants.jsonl")

    found = [(event.event_id, event.account_id) for event in Canonical(tmp_path).read().events]

    assert found == [("m", "m1"), ("s", "s1"), ("a", "a1")]


def test_a_repeated_event_is_forwarded_twice(tmp_path: Path) -> None:
    assert Canonical(write(tmp_path, an_event(1), an_event(1))).read().count == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("{", "not JSON", id="no JSON"),
        pytest.param("[1]", "not a JSON object", id="a list"),
        pytest.param(json.dumps(an_event(1, event_id=None)), "without event_id", id="no id"),
        pytest.param(json.dumps(an_event(1, account_id="")), "without account_id", id="no account"),
        pytest.param(
            json.dumps(an_event(1, account_id=None)), "without account_id or shopper_id or merchant_id", id="no key"
        ),
        pytest.param(json.dumps(an_event(1, account_id="a" * 257)), "257 characters", id="a key too long"),
        pytest.param(
            json.dumps(an_event(1, account_id=None, merchant_id="m" * 257)), "merchant_id has 257", id="another key"
        ),
        pytest.param(
            json.dumps(an_event(1, reference="x" * 2 * MAX_EVENT_BYTES)),
            "event seeded:1 has 2097",
            id="an event of 2 MiB",
        ),
    ],
)
def test_what_cannot_be_an_event_is_refused_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    reading = Canonical(write(tmp_path, an_event(1), line, an_event(2))).read()

    (reject,) = reading.rejects
    assert (reject.file, reject.line) == ("bank_transactions.jsonl", 2)
    assert reason in reject.reason
    assert reading.count == 2


def test_files_of_other_names_are_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, an_event(1))
    write(tmp_path, "nonsense", name="checkouts.jsonl")

    assert Canonical(tmp_path).read().rejects == ()


def test_a_folder_without_events_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceFault, match=r"none of merchants\.jsonl.*accounts\.jsonl"):
        Canonical(tmp_path).read()
