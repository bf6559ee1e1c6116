"""Point a command at the current profile, and start those of its services that the command needs and that are stopped.

The services keep running after the command, until `tranche local down`.
"""

import sys
from collections.abc import Sequence

from tranche.local.profiles import LOCAL, Profile, current, make_current
from tranche.settings import Settings, is_pointed_elsewhere, point_here

_DATABASE = ("postgres",)
_MONEY = ("postgres", "provider")
_LAKE = ("postgres", "aws")
NEEDS = {
    "ledger": _DATABASE,
    "lending": _DATABASE,
    "payments": _MONEY,
    "serving": _MONEY,
    "serve": _MONEY,
    "features": _LAKE,
    "pipelines": _LAKE,
    "models": _LAKE,
    "provision": _LAKE,
    "lab": _LAKE,
    "airflow": ("postgres", "aws", "provider"),
    "simulation": ("postgres", "aws", "provider"),
}
"""The parts of a runtime that each stage needs; a stage that is not listed needs none."""

NEED_NOTHING = {("simulation", "generate"), ("simulation", "serve"), ("ledger", "map")}
"""Acts that need no service, because they use files only or are a service themselves."""

MAKE_THEIR_OWN = ("serve", "airflow", "lab")
"""Stages with which a new user may begin: if no profile is chosen, they create the local runtime."""

_ASK_ONLY = ("--help", "-h", "--version")


def join_current(stage: str, arguments: Sequence[str] = ()) -> Profile | None:
    """Set the current profile's variables that the caller has not set; None if the caller's environment is used.

    Messages go to standard error; the header is shown only on a terminal, and not with `--json`.
    """
    if is_pointed_elsewhere() or any(word in _ASK_ONLY for word in arguments):
        return None
    var = Settings.from_environment().var
    profile = current(var)
    if profile is None and stage in MAKE_THEIR_OWN:
        profile = make_current(var, LOCAL)
    if profile is None or not (profile.exists or stage in MAKE_THEIR_OWN):
        return None  # a command that needs no settings still works; for any other, see `fault.without_runtime`
    needed = () if (stage, *arguments[:1]) in NEED_NOTHING else NEEDS.get(stage, ())
    if profile.runtime is not None and (not profile.exists or profile.runtime.missing(needed)):
        # A new runtime is started with all its parts.
        report = profile.runtime.bring_up(_say, needed if profile.exists else None)
        for line in report.repaired:
            _say(f"repaired {line}")
    point_here(profile.environment(), local=profile.runtime is not None)
    if sys.stderr.isatty() and "--json" not in arguments:
        print(header(profile), file=sys.stderr)
    return profile


def header(profile: Profile) -> str:
    """One line with the current profile and clock: `profile demo · clock 2026-03-31T23:30:00Z`."""
    time = profile.time()
    return f"profile {profile.name}" + (f" · clock {time}" if time else "")


def _say(step: str) -> None:
    print(f"… {step}", file=sys.stderr)
