"""Arguments that several commands of payments share: days, amounts, folders."""

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from payments.settings import Settings
from terminal.fault import Fault

if TYPE_CHECKING:
    from ledger.money import Currency, Money

LONGEST_LIST = 20
_KEY = re.compile("[A-Za-z0-9._-]{1,60}", re.ASCII)
Outbox = Annotated[Path | None, typer.Option(help="Folder from which the bank takes payout files; the profile's own.")]


class UsageFault(Fault):
    """The command line contradicts itself, or the clock file holds no time."""


def check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise UsageFault(f"key: {key!r} is not up to 60 letters, digits, dots, hyphens and underscores")


def outbox_of(asked: Path | None, settings: Settings) -> Path:
    outbox = asked or settings.outbox
    if outbox is None:
        raise UsageFault("--outbox is missing: the folder from which the bank takes payout files")
    return outbox


def day_of_text(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageFault(f"{text!r} is not a day, such as 2026-12-01") from error


def money_text(minor: int, currency: str) -> str:
    from ledger.money import Currency, Money

    return str(Money(minor, Currency(currency)))


def in_currency(amount: "Money", currency: "Currency") -> "Money":
    if amount.currency is not currency or amount.minor <= 0:
        raise UsageFault(f"amount: {amount} is not an amount above zero in {currency}")
    return amount
