"""Request decisions over HTTP as a checkout would, and compare every answer with its recomputation."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import httpx

from terminal.fault import Fault
from tranche.local.clock_file import ClockFile
from tranche.report.details import ReasonCount
from tranche.report.summary import DecisionFigures

Row = dict[str, Any]
OUTCOMES = ("approved", "approved_reduced", "referred", "declined")


class ApiRefused(Fault):
    """Raised when the API answered something other than a decision."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One order and its time. `body` is the body of the request."""

    at: datetime
    body: Row

    @property
    def key(self) -> str:
        return f"demo:{self.body['order_id']}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The exact bytes of an answer, and how long the caller waited."""

    ask: Ask
    content: bytes
    decision: Row
    milliseconds: float

    @property
    def decision_id(self) -> str:
        return str(self.decision["decision_id"])

    @property
    def outcome(self) -> str:
        return str(self.decision["outcome"])


class CheckoutClient:
    """A checkout's connection to the API, with the key of whoever asks and the clock that both use."""

    def __init__(self, address: str, clock: ClockFile, key: str) -> None:
        self.address = address
        headers = {"Authorization": f"Bearer {key}"}
        self.client = httpx.Client(base_url=address, timeout=30.0, headers=headers)
        self.clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def decide(self, asks: Sequence[Ask], tick: Callable[[int, int], None] = lambda _done, _of: None) -> list[Answer]:
        """Send the requests in order, each with the clock set to its time; raises ApiRefused unless it is decided."""
        answers = []
        for ask in asks:
            self.clock.show(ask.at)
            began = time.perf_counter()
            reply = self.client.post("/v1/decisions", json=ask.body, headers={"Idempotency-Key": ask.key})
            took = (time.perf_counter() - began) * 1000
            if reply.status_code != httpx.codes.CREATED:
                raise ApiRefused(f"order {ask.body['order_id']}: {reply.status_code} {reply.text[:400]}")
            answers.append(Answer(ask, reply.content, reply.json(), took))
            tick(len(answers), len(asks))
        return answers

    def accept(self, decision_id: str, at: datetime, *, shipped_minor: int | None = None) -> httpx.Response:
        """Accept the offer of an approved decision; `shipped_minor`: the part of the order that is shipped already."""
        self.clock.show(at)
        headers = {"Idempotency-Key": f"demo:accept:{decision_id}"}
        params = {} if shipped_minor is None else {"shipped_minor": shipped_minor}
        return self.client.post(f"/v1/decisions/{decision_id}/accept", headers=headers, params=params)

    def read_again(self, decision_id: str) -> bytes:
        """The decision, read again from the API."""
        reply = self.client.get(f"/v1/decisions/{decision_id}")
        if reply.status_code != httpx.codes.OK:
            raise ApiRefused(f"decision {decision_id}: {reply.status_code} {reply.text[:400]}")
        return reply.content


def replayed(
    checkout: CheckoutClient, answers: Sequence[Answer], recompute: Callable[[str], bytes | None]
) -> tuple[int, list[str]]:
    """The number of answers compared with their recomputation, and the ids of decisions that differ.

    Both the decision as read again from the API and the one that `recompute` makes from the record (None if it could
    not) must be equal to the original answer.
    """
    differing = [
        answer.decision_id
        for answer in answers
        if not answer.content == checkout.read_again(answer.decision_id) == recompute(answer.decision_id)
    ]
    return len(answers), differing


def decision_figures(answers: Sequence[Answer], held: int, differing: Sequence[str]) -> DecisionFigures:
    """The summary's section on decisions."""
    outcomes = Counter(answer.outcome for answer in answers)
    times = sorted(answer.milliseconds for answer in answers)
    return DecisionFigures(
        requested=len(answers),
        approved=outcomes["approved"],
        approved_reduced=outcomes["approved_reduced"],
        referred=outcomes["referred"],
        declined=outcomes["declined"],
        declined_without_reason=sum(
            answer.outcome == "declined" and not answer.decision["reasons"] for answer in answers
        ),
        replayed=held,
        replayed_identical=held - len(differing),
        p50_ms=quantile(times, 0.50),
        p99_ms=quantile(times, 0.99),
    )


def reasons(answers: Sequence[Answer], most: int = 8) -> tuple[ReasonCount, ...]:
    """The reasons given most often."""
    times: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        times.update((str(reason["code"]), str(reason["text"])) for reason in answer.decision["reasons"])
    ranked = sorted(times.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(ReasonCount(code, text, number) for (code, text), number in ranked[:most])


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered ones do not exceed; 0 when there are none.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([1.0, 2.0, 3.0, 4.0], 0.99), quantile([], 0.5)
    (2.0, 4.0, 0.0)
    """
    if not ordered:
        return 0.0
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]
