"""The simulated provider and bank as the other acts of the simulation reach them: over HTTP, in their own words."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any

import httpx

from ledger.money import Money
from terminal.fault import Fault


class OutsideFault(Fault):
    """The simulated provider or bank is not there, or does not do what it was asked."""


@dataclass(frozen=True, slots=True)
class DayEnded:
    """Files that appeared in `inbox`, payouts to merchants that the bank executed, and payout files that it refused."""

    day: str
    inbox: str
    files: tuple[str, ...]
    merchant_payouts: int
    refused_files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outside:
    """A connection to both."""

    http: httpx.Client

    def know(self, behaviour: Iterable[Mapping[str, object]]) -> None:
        """Let these shoppers answer charges as they are said to; what is known of others stays."""
        content = "".join(f"{json.dumps(row)}\n" for row in behaviour)
        self._done("POST", "/behaviour", content=content.encode())

    def open_account(self, capital: Money) -> bool:
        """Let our bank account start with this balance; False when it started otherwise, or anything has moved."""
        params = {"currency": capital.currency.value, "amount_minor": str(capital.minor)}
        return "error" not in self._done("PUT", "/bank/opening", params=params, else_fine=HTTPStatus.CONFLICT)

    def pay_in(self, payment_id: str, amount: Money, reference: str, payer: str, on: date) -> bool:
        """A transfer onto our bank account; False when it was made before or the day is closed."""
        params = {
            "payment_id": payment_id,
            "amount_minor": str(amount.minor),
            "currency": amount.currency.value,
            "reference": reference,
            "payer": payer,
            "on": on.isoformat(),
        }
        return bool(self._done("POST", "/bank/credits", params=params)["new"])

    def claim(self, case_id: str, stage: str, attempt_id: str, on: date) -> Mapping[str, Any]:
        """A card holder's bank takes a charge back (`opened`), gives it back to us (`won`), or keeps it (`lost`).

        Returns the row of the provider's file of disputes.
        """
        params = {"case_id": case_id, "stage": stage, "key": attempt_id, "on": on.isoformat()}
        said: Mapping[str, Any] = self._done("POST", "/claims", params=params)
        return said

    def end_day(self, day: date) -> DayEnded:
        """Let both end every day up to this one and write their files."""
        said = self._done("POST", "/day-end", params={"date": day.isoformat()})
        return DayEnded(
            said["day"], said["inbox"], tuple(said["files"]), said["merchant_payouts"], tuple(said["refused_files"])
        )

    def _done(self, method: str, path: str, *, else_fine: int = 0, **request: Any) -> Any:
        try:
            answer = self.http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise OutsideFault(f"no simulated provider answers at {self.http.base_url}; tranche local up") from error
        if answer.is_error and answer.status_code != else_fine:
            raise OutsideFault(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()


@contextmanager
def outside(address: str) -> Iterator[Outside]:
    """The provider and bank that listen at this address."""
    with httpx.Client(base_url=address, timeout=30.0, trust_env=False) as http:
        yield Outside(http)
