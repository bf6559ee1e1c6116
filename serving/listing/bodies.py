"""The rows of lists, and a shopper as the API shows them. Amounts are in the currency's smallest unit."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from ledger.money import Currency


class DecisionRow(BaseModel):
    """A decision in a list; `GET /v1/decisions/{id}` has the whole of it."""

    decision_id: str
    order_id: str
    application_id: str | None
    shopper_id: str
    merchant_id: str | None
    product: str
    state: str
    requested_minor: int
    approved_minor: int | None
    currency: Currency
    decided_at: datetime
    expires_at: datetime | None
    reviews: str | None


class PlanRow(BaseModel):
    """A plan in a list, as of the last close of business; `GET /v1/plans/{id}` has it as of now."""

    plan_id: str
    order_id: str
    decision_id: str | None
    shopper_id: str | None
    merchant_id: str | None
    product: str
    state: str
    opened_on: date
    principal_minor: int
    currency: Currency
    days_past_due: int
    next_due_on: date | None


class PaymentRow(BaseModel):
    """An attempt to collect; `reference` is the provider's."""

    attempt_id: str
    plan_id: str
    order_id: str | None
    shopper_id: str
    merchant_id: str | None
    purpose: str
    state: str
    provider: str
    reference: str | None
    amount_minor: int
    captured_minor: int | None
    currency: Currency
    due_on: date
    requested_on: date
    captured_on: date | None
    refusal: str | None


class RefundRow(BaseModel):
    """A refund on its way to the shopper; `reference` is the refund that the payment is for."""

    payment_id: str
    reference: str
    plan_id: str
    order_id: str
    shopper_id: str
    merchant_id: str | None
    way: str
    state: str
    amount_minor: int
    currency: Currency
    requested_on: date
    submitted_at: datetime | None


class PayoutRow(BaseModel):
    """A payout to a merchant: `waiting`, `sent`, `netted` or `returned`; `reference` is the bank file it is in."""

    payout_id: str
    merchant_id: str
    state: str
    amount_minor: int
    currency: Currency
    requested_on: date
    reference: str | None
    returned_on: date | None


class _Page(BaseModel):
    model_config = ConfigDict(extra="forbid")

    next_cursor: str | None


class DecisionPage(_Page):
    """Decisions, the newest first. `next_cursor` leads to the next page, if there is one."""

    rows: list[DecisionRow]


class PlanPage(_Page):
    """Plans, the newest first. `next_cursor` leads to the next page, if there is one."""

    rows: list[PlanRow]


class PaymentPage(_Page):
    """Payments, the newest first. `next_cursor` leads to the next page, if there is one."""

    rows: list[PaymentRow]


class RefundPage(_Page):
    """Refunds, the newest first. `next_cursor` leads to the next page, if there is one."""

    rows: list[RefundRow]


class PayoutPage(_Page):
    """Payouts, the newest first. `next_cursor` leads to the next page, if there is one."""

    rows: list[PayoutRow]


class ShopperExposure(BaseModel):
    """What counts against a shopper's limit in a currency, for the account of their newest order."""

    account_id: str
    currency: Currency
    limit_minor: int | None
    outstanding_minor: int
    reserved_minor: int
    monthly_minor: int
    left_minor: int | None


class ShopperAnswer(BaseModel):
    """A shopper with their plans, the newest first. A merchant sees its own plans alone, and no exposure."""

    model_config = ConfigDict(extra="forbid")

    shopper_id: str
    exposures: list[ShopperExposure]
    plans: list[PlanRow]
