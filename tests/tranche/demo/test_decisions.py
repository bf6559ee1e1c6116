"""Answers are counted by outcome, timed as the caller waited, and a replay that differs is found."""

from datetime import UTC, datetime
from typing import Any

from tranche.demo.decisions import Answer, Ask, CheckoutClient, decision_figures, quantile, reasons, replayed


def an_answer(number: int, outcome: str, *codes: str, milliseconds: float = 4.0) -> Answer:
    body: dict[str, Any] = {"order_id": f"o-{number}"}
    decision = {
        "decision_id": f"d-{number}",
        "outcome": outcome,
        "reasons": [{"code": code, "text": code.lower()} for code in codes],
    }
    return Answer(Ask(datetime(2026, 1, 5, tzinfo=UTC), body), f"{number}".encode(), decision, milliseconds)


class Reading(CheckoutClient):
    """A checkout that reads back what it was given, without a network."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents

    def read_again(self, decision_id: str) -> bytes:
        return self.contents[decision_id]


def test_outcomes_times_and_missing_reasons_are_counted() -> None:
    answers = [
        an_answer(1, "approved", milliseconds=3.0),
        an_answer(2, "declined", "RISK", milliseconds=5.0),
        an_answer(3, "declined", milliseconds=40.0),
        an_answer(4, "referred", "DATA", milliseconds=4.0),
    ]

    found = decision_figures(answers, 4, ["d-3"])

    assert (found.requested, found.approved, found.declined, found.referred) == (4, 1, 2, 1)
    assert found.declined_without_reason == 1
    assert (found.replayed, found.replayed_identical) == (4, 3)
    assert (found.p50_ms, found.p99_ms) == (4.0, 40.0)


def test_a_decision_read_or_computed_otherwise_differs() -> None:
    answers = [an_answer(number, "approved") for number in (1, 2, 3, 4)]
    read = Reading({"d-1": b"1", "d-2": b"other", "d-3": b"3", "d-4": b"4"})
    computed = {"d-1": b"1", "d-2": b"2", "d-3": b"33"}

    held, differing = replayed(read, answers, computed.get)

    assert held == 4
    assert differing == ["d-2", "d-3", "d-4"]


def test_reasons_are_ranked_by_how_often_they_were_given() -> None:
    answers = [an_answer(1, "declined", "A", "B"), an_answer(2, "referred", "B"), an_answer(3, "declined", "C")]

    assert [(reason.code, reason.count) for reason in reasons(answers, most=2)] == [("B", 2), ("A", 1)]


def test_ninety_nine_of_a_hundred_waited_no_longer_than_the_quantile() -> None:
    assert quantile([float(each) for each in range(1, 101)], 0.99) == 99.0
    assert quantile([float(each) for each in range(1, 201)], 0.5) == 100.0
