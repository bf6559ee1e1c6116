"""How an event's body is stored and read back."""

from typing import Any

import pytest

from ledger.money import Currency, Money
from lending.plan.event import (
    KINDS,
    EventFault,
    Held,
    Opened,
    Paid,
    PaymentChannel,
    Rescheduled,
    Unfrozen,
    body_of,
    event_kind,
    first_event_difference,
    tree_of,
)  # fmt: skip
from lending.schedule.due import Due
from tests.lending.courses import Course, day
from tests.lending.plans import pounds

GBP_20 = {"minor": 2000, "currency": "GBP"}


def test_a_kind_is_named_after_its_body() -> None:
    assert [event_kind(body) for body in (Opened(pounds("1.00")), Unfrozen())] == ["opened", "unfrozen"]
    assert {"part_shipped", "paid_off", "claim_opened", "written_off"} < KINDS.keys()


@pytest.mark.parametrize(
    "body",
    [
        Paid(
            pounds("20.00"),
            PaymentChannel.ATTEMPT,
            "a-1",
            "bureau",
            "bacs",
            "p-d-1/1",
            Held("F12a:a-1", pounds("0.00"), pounds("0.00"), pounds("20.00")),
        ),
        Rescheduled((Due(3, day(90), pounds("60.00"), pounds("0.00")),), capitalise_fees=True),
        Unfrozen(),
    ],
    ids=["nested", "many of a kind", "empty"],
)
def test_a_body_is_read_back_as_it_was_written(body: Any) -> None:
    assert body_of(event_kind(body), tree_of(body)) == body


@pytest.mark.parametrize(
    ("kind", "tree", "message"),
    [
        ("gift", {}, "'gift' is no kind of plan event"),
        ("goodwill", {"amount": GBP_20, "reason": "x"}, r"goodwill\.reason: no such field"),
        ("goodwill", {}, "goodwill: .*amount"),
        ("goodwill", {"amount": {"minor": "20", "currency": "GBP"}}, r"goodwill\.amount: .* cannot be read"),
        ("goodwill", {"amount": {"minor": 20, "currency": "XXX"}}, r"goodwill\.amount: .* cannot be read"),
        ("paid", {"amount": GBP_20, "channel": "post", "payment_id": "a"}, r"paid\.channel: 'post' cannot be read"),
        ("opened", {"captured": GBP_20, "shipment": "1"}, r"opened\.shipment: '1' is not int"),
        ("holiday", {"starts": "2026-02-30", "ends": "2026-03-01"}, r"holiday\.starts: '2026-02-30' cannot be read"),
        ("rescheduled", {"dues": [3]}, r"rescheduled\.dues\[0\]: 3 has no fields"),
    ],
)
def test_a_stored_body_that_cannot_be_read_is_named(kind: str, tree: dict[str, Any], message: str) -> None:
    with pytest.raises(EventFault, match=message):
        body_of(kind, tree)


def test_two_events_under_one_id_differ_by_a_named_field() -> None:
    one, other = (Course().then(1, Opened(Money(minor, Currency.GBP)), event_id="e") for minor in (1, 2))

    assert first_event_difference(one, other) == "body"
    assert first_event_difference(one, one) is None
