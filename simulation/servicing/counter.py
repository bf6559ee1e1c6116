"""The staff's way into the platform: its API, each with a key of their own."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any

import httpx

from simulation.servicing.case import ROLES, PlanSeen, Row, Staff
from terminal.fault import Fault


class DeskFault(Fault):
    """Raised when the platform did not do what a case wanted of it."""


@dataclass(frozen=True, slots=True)
class ServiceCounter:
    """A connection to the API with a key for each of the staff, and for the shop of each merchant."""

    http: httpx.Client
    keys: Mapping[Staff, str]
    shops: Mapping[str, str]

    def see(self, plan_id: str, on: date, *, unshipped_minor: int, other_plan_id: str | None) -> PlanSeen:
        """The plan as of today."""
        history = self._done("GET", f"/v1/plans/{plan_id}/history", Staff.AGENT)
        quote = self._done("GET", f"/v1/plans/{plan_id}/quote", Staff.AGENT)
        return PlanSeen(on, history, quote, unshipped_minor, other_plan_id)

    def act(self, seen: PlanSeen, act: str, by: Staff, body: Row, key: str) -> None:
        """Do an act; what becomes a proposal is approved by a second person at once."""
        said = self._done("POST", f"/v1/plans/{seen.plan_id}/{act}", by, body, key, merchant_id=seen.merchant_id)
        if said["status"] == "proposed":
            second = Staff.HEAD_OF_RISK if by is Staff.RISK else Staff.RISK
            self._done("POST", f"/v1/proposals/{said['proposal_id']}/approve", second)

    def pay(self, plan_id: str, by: Staff, body: Row, key: str) -> bool:
        """Charge the shopper now; False when the provider declined."""
        said = self._done("POST", f"/v1/plans/{plan_id}/payments", by, body, key, else_fine=HTTPStatus.PAYMENT_REQUIRED)
        return said.get("status") == "captured"

    def ship(self, seen: PlanSeen, by: Staff, body: Row, key: str) -> None:
        """Report a further shipment."""
        self._done("POST", f"/v1/plans/{seen.plan_id}/shipments", by, body, key, merchant_id=seen.merchant_id)

    def review(self, decision_id: str) -> Row:
        """Review a referred decision: approve what was asked where a person may, decline it else. Answers the case.

        The reviewer has a document of the shopper. Above the reviewer's limit a second person agrees at once.
        """
        case_id = self._done("GET", f"/v1/decisions/{decision_id}/review", Staff.REVIEWER)["case_id"]
        path, who = f"/v1/referrals/{case_id}", Staff.REVIEWER
        case = self._done("GET", path, who)
        self._done("POST", f"{path}/claim", who, {"reason": "the first in the queue"})
        statement = hashlib.sha256(f"statement of {case['shopper_id']}".encode()).hexdigest()
        sent = {"kind": "bank_statement", "sha256": statement, "reason": "the shopper sent it"}
        self._done("POST", f"{path}/documents", who, sent)
        plain = (each for each in case["reasons"] if not each["needs_means"] and not each["second_look"])
        approving = [each["code"] for each in plain if each["verdict"] == "approved"]
        approves = {"verdict": "approved", "reasons": approving, "amount_minor": case["amount_minor"]}
        why = {"reason": "the statement shows regular income"}
        said = self._done("POST", f"{path}/decision", who, approves | why, else_fine=HTTPStatus.CONFLICT)
        if said.get("status") == HTTPStatus.CONFLICT:
            declines = {"verdict": "declined", "reasons": ["DOCUMENTS_NOT_ENOUGH"], "reason": said["detail"][:200]}
            said = self._done("POST", f"{path}/decision", who, declines)
        elif said["state"] == "second_look":
            agrees = {"agrees": True, "reason": "seen as well"}
            said = self._done("POST", f"{path}/second-look", Staff.RISK, agrees)
        return said

    def _done(
        self,
        method: str,
        path: str,
        by: Staff,
        body: Row | None = None,
        key: str = "",
        *,
        merchant_id: str = "",
        else_fine: int = 0,
    ) -> Row:
        bearer = self.shops[merchant_id] if by is Staff.SHOP else self.keys[by]
        headers = {"Authorization": f"Bearer {bearer}"} | ({"Idempotency-Key": key} if key else {})
        answer = self.http.request(method, path, json=body, headers=headers)
        if answer.is_error and answer.status_code != else_fine:
            raise DeskFault(f"{by} ({ROLES[by]}) {method} {path}: {answer.status_code} {answer.text[:500]}")
        said: dict[str, Any] = answer.json()
        return said
