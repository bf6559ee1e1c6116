"""Reads balance transactions of Stripe in JSON, beside payouts, charges, refunds and disputes.

A balance transaction is what moves the balance; the others say why, and are not booked a second time. Its net amount
must be its amount less its fee.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ledger.money import Currency
from payments.files.world.item import Direction, FileEntry, FileItem, OwnTotalBroken
from payments.files.world.json_resource import JsonResource
from payments.files.world.source_file import SourceFile

BALANCE = "balance_transaction"
# What else has an amount: its direction on our balance.
CAUSES = {
    "charge": Direction.CREDIT,
    "refund": Direction.DEBIT,
    "dispute": Direction.DEBIT,
    "payout": Direction.DEBIT,
}
# Stripe counts these in hundredths, though they have no smaller unit.
WITH_TWO_DECIMALS = {Currency.ISK, Currency.UGX}


def objects_of_stripe(tree: Any) -> list[Any]:
    """The objects of a file of Stripe: one, a list of its API, an event, or named resources; none otherwise."""
    if not isinstance(tree, dict):
        return []
    match tree.get("object"):
        case "list" if isinstance(tree.get("data"), list):
            return list(tree["data"])
        case "event" if isinstance(tree.get("data"), dict):
            return [tree["data"].get("object")]
        case str():
            return [tree]
        case _:
            pass
    resources = tree.get("resources")
    if isinstance(resources, dict) and isinstance(resources.get(BALANCE), dict):
        return list(resources.values())
    return []


def read_stripe(source: SourceFile, objects: list[Any]) -> Iterator[FileItem]:
    """Balance transactions and what caused them; available ones are booked, pending ones are not."""
    spot = source.at(0)
    number = 0
    for place, values in enumerate(objects):
        resource = JsonResource.of(spot, f"object[{place}]", values)
        kind = resource.text("object")
        if kind == BALANCE:
            number += 1
            yield from _balance_transaction(resource, number)
        elif kind in CAUSES:
            number += 1
            yield _cause(resource, kind, number)
    if not number:
        raise spot.fault("object", "the file holds no balance transaction and nothing that causes one")


def _balance_transaction(resource: JsonResource, number: int) -> Iterator[FileItem]:
    currency = resource.currency("currency")
    amount, fee, net = resource.minor("amount"), resource.minor("fee"), resource.minor("net")
    status = resource.needed("status")
    if status not in ("available", "pending"):
        raise resource.spot.fault(f"{resource.name}.status", f"{status[:40]!r} is neither available nor pending")
    identity = resource.needed("id")
    yield FileEntry(
        line=0,
        statement=BALANCE,
        number=number,
        amount=_decimal(abs(amount), currency),
        currency=currency.value,
        direction=Direction.DEBIT if amount < 0 else Direction.CREDIT,
        status=status,
        booked=status == "available",
        booked_on=resource.second("created"),
        value_on=resource.second("available_on"),
        reference=resource.text("source") if isinstance(resource.values.get("source"), str) else identity,
        text=resource.text("type"),
    )
    if net != amount - fee:
        yield OwnTotalBroken(f"{identity}: net", str(net), f"{amount} less {fee}")
    parts = resource.values.get("fee_details")
    if isinstance(parts, list) and parts:
        fees = [JsonResource.of(resource.spot, f"{resource.name}.fee_details[{i}]", p) for i, p in enumerate(parts)]
        total = sum(each.minor("amount") for each in fees)
        if total != fee:
            yield OwnTotalBroken(f"{identity}: fee", str(fee), str(total))


def _cause(resource: JsonResource, kind: str, number: int) -> FileEntry:
    currency = resource.currency("currency")
    minor = resource.minor("amount")
    direction = CAUSES[kind]
    return FileEntry(
        line=0,
        statement=kind,
        number=number,
        amount=_decimal(abs(minor), currency),
        currency=currency.value,
        direction=direction if minor >= 0 else direction.opposite,
        status=resource.text("status") or kind,
        booked=False,
        booked_on=resource.second("created"),
        value_on=resource.second("arrival_date"),
        reference=resource.needed("id"),
        reason=resource.text("failure_code") or resource.text("reason"),
    )


def _decimal(minor: int, currency: Currency) -> Decimal:
    return Decimal(minor).scaleb(-2 if currency in WITH_TWO_DECIMALS else -currency.exponent)
