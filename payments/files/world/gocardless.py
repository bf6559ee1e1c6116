"""Reads resources of GoCardless in JSON: payout items, payouts, payments, refunds, events, mandates and others.

A file is a page of its API, the body of a webhook, or recorded exchanges with a page each. Payout items name no
currency, which is that of their payout: they are counted in minor units of the currency XXX.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from payments.files.world.item import Direction, FileAccount, FileEntry, FileItem, ReportedStatus
from payments.files.world.json_resource import JsonResource
from payments.files.world.source_file import SourceFile

NO_CURRENCY = "XXX"
# Money: its direction on our side, and the statuses at which it has moved.
MONEY = {
    "payments": (Direction.CREDIT, {"confirmed", "paid_out"}),
    "refunds": (Direction.DEBIT, {"paid"}),
    "payouts": (Direction.CREDIT, {"paid"}),
}
# Others: the field that says their state, if they have one.
STATES = {
    "billing_requests": "status",
    "creditors": None,
    "customer_bank_accounts": None,
    "customers": None,
    "events": "action",
    "instalment_schedules": "status",
    "mandates": "status",
    "negative_balance_limits": None,
    "scenario_simulators": None,
    "subscriptions": "status",
    "webhooks": None,
}
PAYOUT_ITEMS = "payout_items"
RESOURCES = {PAYOUT_ITEMS, *MONEY, *STATES}
PAYOUT_ITEM_TYPES = {
    "payment_paid_out", "payment_failed", "payment_charged_back", "payment_refunded", "refund", "refund_funds_returned",
    "gocardless_fee", "app_fee", "revenue_share", "surcharge_fee",
}  # fmt: skip


def pages_of_gocardless(tree: Any) -> list[dict[str, Any]]:
    """The pages of a file that has resources of GoCardless; none if it has not."""
    if not isinstance(tree, dict):
        return []
    exchanges = [
        each["body"] for each in tree.values() if isinstance(each, dict) and isinstance(each.get("body"), dict)
    ]
    pages = exchanges if exchanges and len(exchanges) == len(tree) else [tree]
    return pages if all(set(page) & RESOURCES for page in pages) else []


def read_gocardless(source: SourceFile, pages: list[dict[str, Any]]) -> Iterator[FileItem]:
    """The resources of every page; money is booked when its status says that it has moved."""
    spot = source.at(0)
    number = 0
    creditors: set[str] = set()
    for page in pages:
        unknown = set(page) - RESOURCES - {"meta", "linked"}
        if unknown:
            raise spot.fault(min(unknown), "is not a resource that is read")
        for kind in sorted(set(page) & RESOURCES):
            found = page[kind] if isinstance(page[kind], list) else [page[kind]]
            for place, values in enumerate(found):
                number += 1
                resource = JsonResource.of(spot, f"{kind}[{place}]", values)
                creditor = resource.inner("links").text("creditor")
                if creditor is not None and creditor not in creditors:
                    creditors.add(creditor)
                    yield FileAccount(creditor)
                yield from _resource(kind, resource, number)


def _resource(kind: str, resource: JsonResource, number: int) -> Iterator[FileItem]:
    if kind == PAYOUT_ITEMS:
        yield _payout_item(resource, number)
    elif kind in MONEY:
        yield _money_moved(kind, resource, number)
    else:
        field = STATES[kind]
        status = resource.needed(field) if field is not None else kind
        details = resource.inner("details")
        reason = details.text("reason_code") or details.text("cause")
        resource.day("created_at")
        yield ReportedStatus(status, () if reason is None else (reason,), resource.needed("id"))


def _payout_item(resource: JsonResource, number: int) -> FileEntry:
    amount = resource.signed_decimal("amount")
    kind = resource.needed("type")
    if kind not in PAYOUT_ITEM_TYPES:
        raise resource.spot.fault(f"{resource.name}.type", f"{kind[:40]!r} is not a type of payout item that is known")
    links = resource.inner("links")
    return FileEntry(
        line=0,
        statement=PAYOUT_ITEMS,
        number=number,
        amount=abs(amount),
        currency=NO_CURRENCY,
        direction=Direction.DEBIT if amount < 0 else Direction.CREDIT,
        status=kind,
        booked=True,
        reference=links.text("payment") or links.text("refund") or links.text("mandate"),
    )


def _money_moved(kind: str, resource: JsonResource, number: int) -> FileEntry:
    direction, moved = MONEY[kind]
    currency = resource.currency("currency")
    minor = resource.minor("amount")
    status = resource.needed("status") if kind != "refunds" else resource.text("status") or "created"
    resource.day("created_at")
    return FileEntry(
        line=0,
        statement=kind,
        number=number,
        amount=Decimal(abs(minor)).scaleb(-currency.exponent),
        currency=currency.value,
        direction=direction if minor >= 0 else direction.opposite,
        status=status,
        booked=status in moved,
        account=resource.inner("links").text("creditor"),
        value_on=resource.day("charge_date") or resource.day("arrival_date"),
        reference=resource.needed("id"),
        text=resource.text("reference"),
    )
