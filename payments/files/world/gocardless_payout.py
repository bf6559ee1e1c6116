"""Reads a payout of GoCardless with its items in JSON, as pages of its API: what makes up the money that it pays us.

Items name no payout, no currency and no day: the file must hold the one payout that they belong to. An item has a
decimal place more than money has; the sum of all items, rounded, is what is paid.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from payments.files.schema_drift import SchemaDrift
from payments.files.world.gocardless import PAYOUT_ITEMS
from payments.files.world.json_resource import JsonResource
from payments.files.world.reported_payout import MovementKind, PayoutMovement, ReportedPayout
from payments.files.world.source_file import SourceFile

# What an item is, and the link that names what it is about.
_MOVEMENTS = {
    "payment_paid_out": (MovementKind.TAKEN, "payment"),
    "payment_failed": (MovementKind.RETURNED, "payment"),
    "payment_charged_back": (MovementKind.RETURNED, "payment"),
    "payment_refunded": (MovementKind.REFUNDED, "refund"),
    "refund": (MovementKind.REFUNDED, "refund"),
}
_FEES = {"gocardless_fee", "app_fee", "revenue_share", "surcharge_fee"}


def read_gocardless_payout(source: SourceFile, pages: list[dict[str, Any]]) -> ReportedPayout:
    """The payout of the file; raises FileFault, also if its items are not its amount or are no whole units."""
    spot = source.at(0)
    found = list(_resources(source, pages, "payouts"))
    if len(found) != 1:
        reason = f"the file has {len(found)}; items name no payout, so they are read beside the one they belong to"
        raise spot.fault("payouts", reason)
    payout = found[0]
    if payout.needed("status") not in ("pending", "paid"):
        raise spot.fault("payouts[0].status", f"{payout.needed('status')[:40]!r} is no payout that reaches us")
    on = payout.day("created_at")
    if on is None:
        raise spot.fault("payouts[0].created_at", "is missing")
    items = list(_resources(source, pages, PAYOUT_ITEMS))
    movements = list(_movements(items))
    paid = payout.minor("amount")
    _check_sum(payout, items, paid)
    moved = sum(_sign(each.kind) * each.minor for each in movements)
    return ReportedPayout(
        payout_id=payout.text("reference") or payout.needed("id"),
        currency=payout.currency("currency"),
        on=on,
        movements=movements,
        fee_minor=moved - paid,
        paid_minor=paid,
    )


def _resources(source: SourceFile, pages: Iterable[dict[str, Any]], kind: str) -> Iterator[JsonResource]:
    place = 0
    for page in pages:
        values = page.get(kind, [])
        for each in values if isinstance(values, list) else [values]:
            yield JsonResource.of(source.at(0), f"{kind}[{place}]", each)
            place += 1


def _movements(items: Iterable[JsonResource]) -> Iterator[PayoutMovement]:
    seen: Counter[str] = Counter()
    for item in items:
        kind = item.needed("type")
        if kind in _FEES:
            continue
        if kind not in _MOVEMENTS:
            raise SchemaDrift(
                item.spot.path, 0, f"{item.name}.type", f"{kind[:40]!r} is no movement that is reconciled"
            )
        what, link = _MOVEMENTS[kind]
        amount = item.signed_decimal("amount")
        if amount != amount.to_integral_value() or amount * _sign(what) <= 0:
            raise item.spot.fault(f"{item.name}.amount", f"{amount} is no amount in whole units for a {kind}")
        reference = item.inner("links").needed(link)
        line_id = f"{kind}/{reference}"
        seen[line_id] += 1
        again = "" if seen[line_id] == 1 else f"/{seen[line_id]}"
        yield PayoutMovement(f"{line_id}{again}", what, reference, abs(int(amount)))


def _check_sum(payout: JsonResource, items: Iterable[JsonResource], paid: int) -> None:
    """The items must add up to the payout: as they are, or where tax comes on top of a fee, less the tax."""
    total = taxes = Decimal()
    for item in items:
        total += item.signed_decimal("amount")
        listed = item.values.get("taxes")
        for place, tax in enumerate(listed if isinstance(listed, list) else ()):
            taxes += JsonResource.of(item.spot, f"{item.name}.taxes[{place}]", tax).signed_decimal("amount")
    if paid not in (_rounded(total), _rounded(total - taxes)):
        raise payout.spot.fault(f"{payout.name}.amount", f"says {paid}, its items add up to {total}")


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def _sign(kind: MovementKind) -> int:
    return 1 if kind is MovementKind.TAKEN else -1
