"""The checkout's side of the decision API: ask for a decision on a basket, and accept the offer its shopper likes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from simulation.world.checkouts import Checkout
from terminal.fault import Fault

APPROVED = ("approved", "approved_reduced")
ASKED_AGAIN = 3
_NOT_ASKED = ("checkout_at", "accepts")


class ApiFault(Fault):
    """The decision API is not there, or answered something else than a decision."""


@dataclass(slots=True)
class ShoppedReport:
    """What became of the baskets.

    `reasons` counts those of refusals, `financed_minor` is by currency and `due` the instalments of new plans by day.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    plans: list[str] = field(default_factory=list)
    declined_payments: int = 0
    unknown_payments: int = 0
    financed_minor: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)


def wait_until_ready(api: httpx.Client) -> None:
    """Return when the API can decide; `ApiFault` says what is missing."""
    try:
        answer = api.get("/health/ready")
    except httpx.HTTPError as error:
        raise ApiFault(f"no decision API answers at {api.base_url}; tranche serve starts one") from error
    if answer.status_code != HTTPStatus.OK:
        raise ApiFault(f"the decision API at {api.base_url} is not ready: {answer.text[:200]}")


def bearer(key: str | None) -> dict[str, str]:
    """The header that says who asks, with a key as `tranche ledger add-principal` or `tranche local key` prints it."""
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def place_orders(api: httpx.Client, baskets: Iterable[Checkout]) -> ShoppedReport:
    """Send each basket once, however often this runs, and accept as the shopper would."""
    report = ShoppedReport()
    for basket in baskets:
        body = {name: value for name, value in basket.as_row().items() if name not in _NOT_ASKED}
        key = {"Idempotency-Key": f"shop:{basket.order_id}"}
        decision = _answered(api.post("/v1/decisions", json=body, headers=key), HTTPStatus.CREATED)
        _count(report.outcomes, decision["outcome"])
        if decision["outcome"] not in APPROVED:
            for reason in decision["reasons"]:
                _count(report.reasons, f"{reason['code']}: {reason['text']}")
        elif basket.accepts:
            _accept(api, decision, report)
    return report


def _accept(api: httpx.Client, decision: dict[str, Any], report: ShoppedReport) -> None:
    key = {"Idempotency-Key": f"shop:accept:{decision['decision_id']}"}
    for _ in range(ASKED_AGAIN):
        answer = api.post(f"/v1/decisions/{decision['decision_id']}/accept", headers=key)
        if answer.status_code != HTTPStatus.ACCEPTED:  # a payment whose outcome is unknown is asked for again
            break
    report.accepted += 1
    match answer.status_code:
        case HTTPStatus.CREATED:
            plan = answer.json()
            report.plans.append(plan["plan_id"])
            _count(report.financed_minor, plan["currency"], plan["principal_minor"])
            for each in plan["instalments"]:
                _count(report.due, each["due_on"])
        case HTTPStatus.PAYMENT_REQUIRED:
            report.declined_payments += 1
        case HTTPStatus.ACCEPTED:
            report.unknown_payments += 1
        case _:
            raise _strange(answer)


def _count(counts: dict[str, int], name: str, by: int = 1) -> None:
    counts[name] = counts.get(name, 0) + by


def _answered(answer: httpx.Response, expected: HTTPStatus) -> dict[str, Any]:
    if answer.status_code != expected:
        raise _strange(answer)
    body: dict[str, Any] = answer.json()
    return body


def _strange(answer: httpx.Response) -> ApiFault:
    request = answer.request
    return ApiFault(f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}")
