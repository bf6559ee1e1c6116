"""The simulated provider over HTTP: charges, status requests, the end of a day, and the labels of planted faults."""

import json
from dataclasses import asdict
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from simulation.bank import OURS, BankMovement, SimulatedBank, TooLate, open_bank
from simulation.day_end import PROVIDER_NAME, StatementForm, end_day
from simulation.provider import (
    Charge,
    ClaimOrder,
    KeyConflict,
    ProviderBook,
    ProviderOrder,
    ProviderRefund,
    RefundOrder,
    open_provider,
    read_behaviour,
)
from simulation.settings import Settings


class ChargeBody(BaseModel):
    """A request for a charge; its key is in the header `Idempotency-Key`."""

    model_config = ConfigDict(extra="forbid")

    amount_minor: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    shopper_id: str = Field(min_length=1)
    instalment_id: str = Field(min_length=1)
    requested_on: date


class ProviderRefundBody(BaseModel):
    """A request for a refund; its key is in the header `Idempotency-Key`."""

    model_config = ConfigDict(extra="forbid")

    amount_minor: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    shopper_id: str = Field(min_length=1)
    requested_on: date


def create_provider_app(settings: Settings) -> FastAPI:
    """The provider and bank with their books in `settings.folder`."""
    known = settings.behaviour.read_text().splitlines() if settings.behaviour.exists() else []
    provider = open_provider(settings.folder, settings.seed, read_behaviour(known))
    bank = open_bank(settings.folder)
    settings.inbox.mkdir(parents=True, exist_ok=True)
    settings.outbox.mkdir(parents=True, exist_ok=True)
    app = FastAPI(title="Simulated payment provider and bank", docs_url=None, redoc_url=None)
    app.include_router(_charges(provider))
    app.include_router(_refunds(provider))
    app.include_router(_claims(provider))
    app.include_router(_exchange(settings, provider, bank))
    app.include_router(_setting_up(settings, provider, bank))
    return app


def _charges(provider: ProviderBook) -> APIRouter:
    """The routes for charges."""
    router = APIRouter()

    @router.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok", "provider": PROVIDER_NAME}

    @router.post("/charges")
    def charge(body: ChargeBody, idempotency_key: Annotated[str, Header(min_length=1, max_length=255)]) -> JSONResponse:
        order = ProviderOrder(key=idempotency_key, **body.model_dump())
        try:
            made, lost = provider.charge(order)
        except KeyConflict as conflict:
            return JSONResponse({"error": str(conflict), "field": conflict.field}, HTTPStatus.CONFLICT)
        if lost:
            return JSONResponse({"error": "no answer from the card network in time"}, HTTPStatus.GATEWAY_TIMEOUT)
        return JSONResponse(
            _said(made), HTTPStatus.CREATED if made.status == "captured" else HTTPStatus.PAYMENT_REQUIRED
        )

    @router.get("/charges/{key:path}")
    def enquire(key: str) -> JSONResponse:
        made = provider.find(key)
        if made is None:
            return JSONResponse({"error": "no_such_charge", "key": key}, HTTPStatus.NOT_FOUND)
        return JSONResponse(_said(made))

    return router


def _refunds(provider: ProviderBook) -> APIRouter:
    """The routes for refunds."""
    router = APIRouter()

    @router.post("/refunds")
    def refund(
        body: ProviderRefundBody, idempotency_key: Annotated[str, Header(min_length=1, max_length=255)]
    ) -> JSONResponse:
        try:
            made = provider.refund(RefundOrder(key=idempotency_key, **body.model_dump()))
        except KeyConflict as conflict:
            return JSONResponse({"error": str(conflict), "field": conflict.field}, HTTPStatus.CONFLICT)
        return JSONResponse(_paid_back(made), HTTPStatus.CREATED if made.code is None else HTTPStatus.PAYMENT_REQUIRED)

    @router.get("/refunds/{key:path}")
    def enquire(key: str) -> JSONResponse:
        made = provider.find_refund(key)
        if made is None:
            return JSONResponse({"error": "no_such_charge", "key": key}, HTTPStatus.NOT_FOUND)
        return JSONResponse(_paid_back(made))

    return router


def _claims(provider: ProviderBook) -> APIRouter:
    """The route by which card holders' banks take charges back."""
    router = APIRouter()

    @router.post("/claims")
    def claim(case_id: str, stage: Literal["opened", "won", "lost"], key: str, on: date) -> JSONResponse:
        """A stage of a case; the answer is what the provider's file of disputes says of it."""
        try:
            charge = provider.claim(ClaimOrder(case_id, stage, key, on))
        except KeyError:
            return JSONResponse({"error": "no_such_charge", "key": key}, HTTPStatus.NOT_FOUND)
        amount = {"amount_minor": charge.order.amount_minor, "currency": charge.order.currency}
        return JSONResponse(
            {"case_id": case_id, "stage": stage, "attempt_id": key, "told_on": on.isoformat(), **amount}
        )

    return router


def _exchange(settings: Settings, provider: ProviderBook, bank: SimulatedBank) -> APIRouter:
    """The routes for the end of a day and for planted faults."""
    router = APIRouter()

    @router.post("/day-end")
    def day_end(day: Annotated[date, Query(alias="date")], *, faulty: bool = False) -> JSONResponse:
        form = StatementForm.CAMT
        try:
            report = end_day(day, provider, bank, settings.inbox, settings.outbox, form=form, faulty=faulty)
        except TooLate as refusal:
            return JSONResponse({"error": str(refusal)}, HTTPStatus.CONFLICT)
        return JSONResponse(asdict(report) | {"day": day.isoformat(), "inbox": str(settings.inbox.resolve())})

    @router.get("/faults")
    def faults() -> dict[str, Any]:
        """The labels of faults visible by now, and attempts whose fault is not visible yet."""
        planted = [
            {"kind": label.kind, "about": label.about, "planted_on": label.planted_on}
            for label in (*provider.labels, *bank.labels)
        ]
        return {"planted": planted, "pending": provider.pending_faults()}

    return router


def _setting_up(settings: Settings, provider: ProviderBook, bank: SimulatedBank) -> APIRouter:
    """The routes that set up the world before it runs."""
    router = APIRouter()

    @router.put("/behaviour")
    async def behave(request: Request) -> JSONResponse:
        """Set the payment habits of shoppers from `repayment_behaviour.jsonl`; they are kept across restarts."""
        text = (await request.body()).decode()
        try:
            behaviour = read_behaviour(text.splitlines())
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"not repayment behaviour: {error!r}"}, HTTPStatus.BAD_REQUEST)
        settings.behaviour.write_text(text)
        provider.behave(behaviour)
        return JSONResponse({"shoppers": len(behaviour)})

    @router.post("/behaviour")
    async def behave_too(request: Request) -> JSONResponse:
        """How further shoppers answer charges; what was said of others stays, what is said again counts anew."""
        text = (await request.body()).decode()
        kept = settings.behaviour.read_text() if settings.behaviour.exists() else ""
        try:
            rows = {row["shopper_id"]: row for row in map(json.loads, [*kept.splitlines(), *text.splitlines()])}
            behaviour = read_behaviour(map(json.dumps, rows.values()))
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"not repayment behaviour: {error!r}"}, HTTPStatus.BAD_REQUEST)
        settings.behaviour.write_text("".join(f"{json.dumps(row)}\n" for row in rows.values()))
        provider.behave(behaviour)
        return JSONResponse({"shoppers": len(behaviour)})

    @router.post("/bank/credits")
    def credit(
        *, payment_id: str, amount_minor: int, currency: str, reference: str, payer: str, on: date
    ) -> JSONResponse:
        """A transfer onto our account; it is on the statement of that day."""
        new = bank.move(BankMovement(f"credit:{payment_id}", OURS, amount_minor, currency, on, reference, payer))
        return JSONResponse({"new": new})

    @router.put("/bank/opening")
    def opening(currency: str, amount_minor: int) -> JSONResponse:
        """Give our bank account its opening balance, before any movement."""
        try:
            bank.open_with(currency, amount_minor)
        except TooLate as refusal:
            return JSONResponse({"error": str(refusal)}, HTTPStatus.CONFLICT)
        return JSONResponse({"currency": currency, "amount_minor": amount_minor})

    return router


def _said(charge: Charge) -> dict[str, Any]:
    return {
        "status": charge.status,
        "reference": charge.reference,
        "amount_minor": charge.order.amount_minor,
        "currency": charge.order.currency,
        "captured_on": charge.order.requested_on.isoformat() if charge.status == "captured" else None,
        "code": charge.code,
    }


def _paid_back(refund: ProviderRefund) -> dict[str, Any]:
    return {
        "status": "refunded" if refund.code is None else "declined",
        "reference": refund.reference,
        "amount_minor": refund.order.amount_minor,
        "currency": refund.order.currency,
        "captured_on": refund.order.requested_on.isoformat(),
        "code": refund.code,
    }
