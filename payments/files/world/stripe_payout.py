"""Reads the balance transactions of one payout of Stripe in JSON: what makes up the money that it pays us.

Such a list is that of `/v1/balance_transactions?payout=po_…`, which holds the payout itself too.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from ledger.money import Currency
from payments.files.schema_drift import SchemaDrift
from payments.files.world.json_resource import JsonResource
from payments.files.world.reported_payout import MovementKind, PayoutMovement, ReportedPayout
from payments.files.world.source_file import SourceFile
from payments.files.world.stripe_balance import BALANCE, WITH_TWO_DECIMALS

# By type, or for an adjustment by its category: what it is, and its sign.
_MOVEMENTS = {
    "charge": (MovementKind.TAKEN, 1),
    "payment": (MovementKind.TAKEN, 1),
    "refund": (MovementKind.REFUNDED, -1),
    "payment_refund": (MovementKind.REFUNDED, -1),
    "payment_failure_refund": (MovementKind.RETURNED, -1),
    "dispute": (MovementKind.DISPUTED, -1),
    "dispute_reversal": (MovementKind.DISPUTE_WON, 1),
}
_FEES = {"stripe_fee", "stripe_fx_fee", "tax_fee", "application_fee", "network_cost"}


def read_stripe_payout(source: SourceFile, objects: list[Any], *, more: bool) -> ReportedPayout:
    """The payout of the file; raises FileFault, also if its transactions do not add up to it.

    `more`: the list says that another page follows.
    """
    spot = source.at(0)
    if more:
        raise spot.fault("has_more", "the list goes on in another page, so it is not a whole payout")
    found = [JsonResource.of(spot, f"object[{place}]", values) for place, values in enumerate(objects)]
    moved = [each for each in found if each.text("object") == BALANCE]
    payouts = [each for each in moved if each.needed("type") == "payout"]
    if len(payouts) != 1:
        reason = f"the file has {len(payouts)} payouts; balance transactions are reconciled by the payout they are in"
        raise spot.fault("type", reason)
    payout = payouts[0]
    currency = payout.currency("currency")
    others = [each for each in moved if each is not payout]
    movements = list(_movements(others, currency))
    paid = -payout.minor("net")
    total = sum(each.minor("net") for each in others)
    if paid <= 0 or total != paid:
        raise spot.fault(f"{payout.name}.net", f"says {-paid}, the other transactions add up to {total}")
    signed = sum(_sign(each.kind) * each.minor for each in movements)
    hundredth = 100 if currency in WITH_TWO_DECIMALS else 1
    return ReportedPayout(
        payout_id=payout.needed("source"),
        currency=currency,
        on=_day(payout),
        movements=movements,
        fee_minor=signed - paid // hundredth,
        paid_minor=paid // hundredth,
    )


def _movements(transactions: Iterable[JsonResource], currency: Currency) -> Iterator[PayoutMovement]:
    """What moved. The fee of a dispute is part of it; any other fee is the payout's."""
    hundredth = 100 if currency in WITH_TWO_DECIMALS else 1
    for each in transactions:
        if each.currency("currency") is not currency:
            raise each.spot.fault(f"{each.name}.currency", f"is not {currency}, that of its payout")
        kind = each.needed("type")
        amount, fee, net = each.minor("amount"), each.minor("fee"), each.minor("net")
        if net != amount - fee:
            raise each.spot.fault(f"{each.name}.net", f"says {net}, {amount} less {fee} is {amount - fee}")
        if kind in _FEES:
            continue
        kind = each.text("reporting_category") or kind if kind == "adjustment" else kind
        if kind not in _MOVEMENTS:
            raise SchemaDrift(
                each.spot.path, 0, f"{each.name}.type", f"{kind[:40]!r} is no movement that is reconciled"
            )
        what, sign = _MOVEMENTS[kind]
        minor = (net if what is MovementKind.DISPUTED else amount) * sign
        if minor <= 0 or minor % hundredth:
            raise each.spot.fault(f"{each.name}.amount", f"{amount} is no amount for a {kind}")
        yield PayoutMovement(each.needed("id"), what, each.needed("source"), minor // hundredth)


def _sign(kind: MovementKind) -> int:
    return 1 if kind in (MovementKind.TAKEN, MovementKind.DISPUTE_WON) else -1


def _day(payout: JsonResource) -> date:
    on = payout.second("created")
    if on is None:
        raise payout.spot.fault(f"{payout.name}.created", "is missing")
    return on
