"""Shoppers who come to the checkout on one day, with bank accounts whose history ends the day before."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from simulation.world import events as canonical
from simulation.world.period import Period
from simulation.world.population import Buyer, a_buyer

_NUMBERED_FROM = date(2000, 1, 1)


def fresh_shoppers(seed: int, day: date, count: int) -> list[Buyer]:
    """Draw them, each with one basket on that day. Equal arguments give equal shoppers; no two days share one."""
    period = Period(first_checkout=day, checkout_days=1)
    first = seed * 10**9 + (day - _NUMBERED_FROM).days * 10**4 + 1
    return [a_buyer(seed, number, number, period) for number in range(first, first + count)]


def write_source(buyers: Sequence[Buyer], folder: Path) -> Path:
    """Write what the platform learns of them before they shop, as a folder of canonical events; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Iterable[Mapping[str, object]]] = {
        "shoppers.jsonl": (canonical.shopper(buyer.shopper) for buyer in buyers),
        "accounts.jsonl": (canonical.account_event(buyer.shopper) for buyer in buyers),
        "bank_transactions.jsonl": (
            canonical.bank_transaction_event(row) for buyer in buyers for row in buyer.transactions
        ),
    }
    for name, lines in rows.items():
        (folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return folder
