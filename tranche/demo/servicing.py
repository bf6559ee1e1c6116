"""The servicing desk in the demo: its staff and their keys, the plans that its cases find, and its days."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from ledger.books.postgres import connect
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from simulation.servicing.case import ROLES, Staff
from simulation.servicing.counter import ServiceCounter
from simulation.servicing.desk import ServedPlan, ServicingDesk
from terminal.database import DatabaseProcess
from tranche.demo.course import DemoPlace
from tranche.demo.decisions import Answer, CheckoutClient

Row = dict[str, Any]


class DemoDesk:
    """The desk of one run, kept from the first offer that is accepted to the last day of collection."""

    def __init__(self, folder: Path, rows: Sequence[Row], place: DemoPlace, address: str, at: datetime) -> None:
        habits = (json.loads(line) for line in (folder / "repayment_behaviour.jsonl").read_text().splitlines())
        self.desk = ServicingDesk(place.folder / "desk", {each["shopper_id"]: each["kind"] for each in habits})
        self.orders = Counter(str(row["shopper_id"]) for row in rows if row["accepts"])
        self.address = address
        with connect(place.database(DatabaseProcess.IDENTITY)) as connection:
            principals = PostgresPrincipals(connection)
            self.keys: dict[Staff, str] = {
                staff: add_principal(staff, role, expires_at=None, principals=principals, at=at)
                for staff, role in ROLES.items()
                if staff is not Staff.SHOP
            }
            self.shops = {
                merchant_id: add_principal(
                    f"{Staff.SHOP}-{merchant_id}",
                    ROLES[Staff.SHOP],
                    expires_at=None,
                    principals=principals,
                    at=at,
                    merchant_id=merchant_id,
                )
                for merchant_id in sorted({str(row["merchant_id"]) for row in rows})
            }

    def accept(self, checkout: CheckoutClient, answer: Answer, row: Row, at: datetime) -> httpx.Response:
        """Accept an offer as the case wants it that will have the plan, and let the case have it once it is open."""
        shopper_id, product = str(row["shopper_id"]), str(row["product"])
        case = self.desk.case_for(product, shopper_id, two_plans=self.orders[shopper_id] > 1)
        offered = int(answer.decision["approved_amount_minor"])
        shipped = offered if case is None else offered * case.ships // 100
        reply = checkout.accept(answer.decision_id, at, shipped_minor=shipped if shipped < offered else None)
        if reply.status_code == httpx.codes.CREATED:
            plan_id = str(reply.json()["plan_id"])
            self.desk.opened(plan_id, shopper_id)
            if case is not None:
                self.desk.take(ServedPlan(case, plan_id, shopper_id, at.astimezone(UTC).date(), offered - shipped))
        return reply

    def review(self, answers: Sequence[Answer]) -> Row | None:
        """Let a person review the first referred order, after the last decision; None when there is none.

        What is approved is not accepted: its shopper has left the checkout.
        """
        referred = next((each.decision_id for each in answers if each.outcome == "referred"), None)
        if referred is None:
            return None
        with self.counter() as counter:
            return counter.review(referred)

    @contextmanager
    def counter(self) -> Iterator[ServiceCounter]:
        """The staff's connection to the API."""
        with httpx.Client(base_url=self.address, timeout=30.0, trust_env=False) as http:
            yield ServiceCounter(http, self.keys, self.shops)
