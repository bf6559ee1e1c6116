"""Rail profiles and the treatment of breaks, read from versioned policy files."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from payments.break_class import BreakClass
from payments.rules.agreed_rate import RATES, AgreedRates, load_rates
from payments.rules.fee_terms import FEES, AgreedFees, load_fees
from payments.rules.source import SOURCES, FileSource, FileSources, load_sources
from terminal.fault import Fault

_POLICIES = Path(__file__).parent / "policies"
RAILS, BREAKS = _POLICIES / "rails-1.toml", _POLICIES / "breaks-1.toml"


class RailProfileFault(Fault):
    """Raised for a policy file that cannot be used; names the file and the entry."""

    def __init__(self, path: Path, entry: str, reason: str) -> None:
        super().__init__(f"{path}: {entry}: {reason}")


@dataclass(frozen=True, slots=True)
class Rail:
    """The names of one rail in ledger accounts: the rail, its provider, and the bank account that it pays into."""

    rail: str
    provider: str
    bank: str


@dataclass(frozen=True, slots=True)
class Treatment:
    """How breaks of one class are treated."""

    title: str
    owner: str
    severity: str
    days: int

    def due_by(self, opened_on: date) -> date:
        return opened_on + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class RailProfile:
    """Names, bank accounts, the numbers of days within which lines are expected, and how long an answer may lack.

    `account_numbers` has our name of each account number that banks write in their statements.
    """

    card: Rail
    push_bank: str
    merchant_bank: str
    bank_accounts: frozenset[str]
    account_numbers: Mapping[str, str]
    line_days: int
    unknown: timedelta
    payout_days: int
    merchant_payout_days: int
    claim_days: int
    reserve_days: int
    treatments: Mapping[BreakClass, Treatment]
    fees: AgreedFees
    sources: FileSources
    rates: AgreedRates

    @property
    def provider_source(self) -> FileSource:
        """The provider of the card rail as a source of files."""
        return self.sources.provider(self.card.provider)


def load_profile(
    rails: Path = RAILS, breaks: Path = BREAKS, fees: Path = FEES, sources: Path = SOURCES, rates: Path = RATES
) -> RailProfile:
    """Read these files; raises RailProfileFault for a missing entry or a bank account that is not on the chart."""
    entries, classes = _read(rails), _read(breaks)
    try:
        card, push, merchant, claims = (entries[name] for name in ("card", "push", "merchant", "claims"))
        profile = RailProfile(
            card=Rail("card", card["provider"], card["bank"]),
            push_bank=push["bank"],
            merchant_bank=merchant["bank"],
            bank_accounts=frozenset(entries["bank_accounts"]),
            account_numbers=entries["account_numbers"],
            line_days=card["line_days"],
            unknown=timedelta(hours=card["unknown_hours"]),
            payout_days=card["payout_days"],
            merchant_payout_days=merchant["payout_days"],
            claim_days=claims["days"],
            reserve_days=card["reserve_days"],
            treatments={BreakClass(name): Treatment(**entry) for name, entry in classes.items() if name != "version"},
            fees=load_fees(fees),
            sources=load_sources(sources),
            rates=load_rates(rates),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RailProfileFault(
            rails if isinstance(error, KeyError) else breaks, str(error), "missing or unknown"
        ) from error
    for name in (profile.card.bank, profile.push_bank, profile.merchant_bank, *profile.account_numbers.values()):
        if name not in profile.bank_accounts:
            raise RailProfileFault(rails, "bank_accounts", f"{name!r} is used and not listed")
    if profile.card.provider not in profile.sources.by_id:
        raise RailProfileFault(sources, profile.card.provider, "is the provider of a rail, and no source")
    if missing := set(BreakClass) - set(profile.treatments):
        raise RailProfileFault(breaks, min(missing), "has no treatment")
    return profile


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RailProfileFault(path, "(file)", str(error)) from error
