"""When a refused instalment is charged again, and when to stop: a versioned policy file and one function."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

from payments.provider.charge import ChargeRefusalCode
from terminal.fault import Fault
from terminal.lenders_own import lenders_own

DEFAULT_POLICY = Path(str(files("payments"))) / "policies" / "retry-1.toml"


class RetryPolicyFault(Fault):
    """Raised for a policy file that cannot be used; names the file and the entry."""

    def __init__(self, path: Path, entry: str, reason: str) -> None:
        super().__init__(f"{path}: {entry}: {reason}")


@dataclass(frozen=True, slots=True)
class RefusalClass:
    """How one class of refusals is treated: the number of attempts in all, and the days between them."""

    name: str
    most_attempts: int
    gap_days: int


class CameBack(StrEnum):
    """How the money of a captured attempt left again, so that its debt is owed again."""

    RETURNED = "returned"
    CLAIM_LOST = "claim_lost"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The refusal classes, and the class of each refusal code and of each way in which captured money came back."""

    version: str
    settle_down: timedelta
    checkout_attempts: int
    by_code: Mapping[ChargeRefusalCode, RefusalClass]
    by_return: Mapping[CameBack, RefusalClass]


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Make the next attempt on the day `on`."""

    on: date
    policy_version: str


@dataclass(frozen=True, slots=True)
class Stop:
    """No further automatic attempt. `needs_person` is set if the code is unrecognised or its class requires it."""

    reason: str
    needs_person: bool
    policy_version: str


def next_step(
    policy: RetryPolicy, code: ChargeRefusalCode | CameBack, attempts_made: int, refused_on: date
) -> TryAgain | Stop:
    """The next step after the `attempts_made`-th attempt was refused, or its money came back, on a day."""
    kind = policy.by_return[code] if isinstance(code, CameBack) else policy.by_code.get(code)
    if kind is None:
        return Stop(f"{code} is not in the policy", needs_person=True, policy_version=policy.version)
    if attempts_made >= kind.most_attempts:
        needs_person = kind.most_attempts == 1
        return Stop(f"{kind.name}: {attempts_made} of {kind.most_attempts} attempts made", needs_person, policy.version)
    return TryAgain(refused_on + timedelta(days=kind.gap_days), policy.version)


def load_policy(path: Path | None = None) -> RetryPolicy:
    """Read a policy file, the lender's own if none is named.

    Raises RetryPolicyFault for an unknown code or class, or a cap above the card scheme's.
    """
    path = path or lenders_own("payments", DEFAULT_POLICY.parent) / DEFAULT_POLICY.name
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RetryPolicyFault(path, "(file)", str(error)) from error
    classes = {
        name: _class(path, name, entry, document["largest_attempts"]) for name, entry in document["classes"].items()
    }
    by_code: dict[ChargeRefusalCode, RefusalClass] = {}
    for code, name in document["codes"].items():
        if code not in set(ChargeRefusalCode):
            raise RetryPolicyFault(path, f"codes.{code}", "no such refusal code")
        if name not in classes:
            raise RetryPolicyFault(path, f"codes.{code}", f"no class {name!r}")
        by_code[ChargeRefusalCode(code)] = classes[name]
    return RetryPolicy(
        document["version"],
        timedelta(seconds=document["settle_down_seconds"]),
        document["checkout_attempts"],
        by_code,
        _by_return(path, document, classes),
    )


def _by_return(
    path: Path, document: Mapping[str, Any], classes: Mapping[str, RefusalClass]
) -> Mapping[CameBack, RefusalClass]:
    found = document.get("came_back", {})
    for name in (*CameBack, *found):
        if name not in set(CameBack):
            raise RetryPolicyFault(path, f"came_back.{name}", "no such way")
        if found.get(name) not in classes:
            raise RetryPolicyFault(path, f"came_back.{name}", f"no class {found.get(name)!r}")
    return {way: classes[found[way]] for way in CameBack}


def _class(path: Path, name: str, entry: Mapping[str, int], largest: int) -> RefusalClass:
    most, gap = entry["most_attempts"], entry.get("gap_days", 0)
    if not 1 <= most <= largest:
        raise RetryPolicyFault(path, f"classes.{name}.most_attempts", f"{most} is not from 1 to {largest}")
    if most > 1 and gap < 1:
        raise RetryPolicyFault(path, f"classes.{name}.gap_days", "a class that retries needs at least one day between")
    return RefusalClass(name, most, gap)
