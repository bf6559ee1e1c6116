"""The folders of the local runtime, and how its environment variables reach commands."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from terminal.database import OWNER_SETTING, PROCESS_SETTINGS
from terminal.environment import optional

CHECKOUT = Path(__file__).resolve().parents[1]
STATE_DIR = "TRANCHE_STATE_DIR"
_PLACES = ("TRANCHE_VAR", "TRANCHE_PROFILES")


@dataclass(frozen=True, slots=True)
class Settings:
    """`var` is the folder for everything that a run writes; nothing else in the checkout is written to.

    A profile may have its own folder for that (`TRANCHE_VAR`); `var` then still contains the profiles themselves.
    """

    var: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        environ = os.environ if environ is None else environ
        var = optional(environ, "TRANCHE_PROFILES", "") or optional(environ, "TRANCHE_VAR", str(CHECKOUT / "var"))
        return cls(var=Path(var).resolve())

    @property
    def local_folder(self) -> Path:
        """The folder of `tranche local`'s runtime."""
        return self.var / "local"


def state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder that contains the data of every runtime of this user: `TRANCHE_STATE_DIR` if it is set."""
    environ = os.environ if environ is None else environ
    if chosen := optional(environ, STATE_DIR, ""):
        return Path(chosen).expanduser().resolve()
    if os.geteuid() == 0:
        return Path("/var/lib/tranche")
    # The XDG specification requires ignoring a path that is not absolute.
    named = Path(environ.get("XDG_STATE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local" / "state") / "tranche"


def without_owner(environment: Mapping[str, str]) -> dict[str, str]:
    """A runtime's variables for processes that connect to the database each as its own role, never as the owner."""
    return {name: value for name, value in environment.items() if name != OWNER_SETTING}


def is_pointed_elsewhere() -> bool:
    """Whether the environment already names the database and the AWS endpoint."""
    return "TRANCHE_DATABASE_URL" in os.environ and "TRANCHE_AWS_ENDPOINT" in os.environ


def point_here(environment: Mapping[str, str], *, local: bool = True) -> None:
    """Set a profile's variables in this process unless they are set; `local` for a runtime on this machine.

    A profile's AWS credentials are set only together with its endpoint: if the caller has set an endpoint, the caller's
    credentials are kept, and the local endpoint never gets them.
    """
    if not local:
        for name, value in _without_other_databases(os.environ, environment).items():
            os.environ.setdefault(name, value)
        return
    for name, value in merged(os.environ, environment).items():
        os.environ[name] = value
    if os.environ.get("TRANCHE_AWS_ENDPOINT") == environment.get("TRANCHE_AWS_ENDPOINT"):
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)


def take_over(environment: Mapping[str, str]) -> dict[str, str]:
    """Point this process at one runtime only, replacing all settings; returns the process's new environment.

    For a run with its own runtime, like the demo, which must never touch the systems that the caller's variables name.
    """
    lake = [name for name in os.environ if name.startswith("TRANCHE_LAKE_")]
    for name in [*lake, OWNER_SETTING, *PROCESS_SETTINGS, "TRANCHE_CLOCK_FILE", "TRANCHE_KINESIS_ENDPOINT"]:
        os.environ.pop(name, None)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    os.environ.update(environment)
    os.environ.update(
        {name: value for name, value in merged(os.environ, {}).items() if name in ("NO_PROXY", "no_proxy")}
    )
    return dict(os.environ)


def inherited(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child process: this process's own, overridden by `more`."""
    return {**os.environ, **(more or {})}


def merged(present: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environment` to be set in addition to those present.

    The folders are always taken from `environment`: the one present only locates the profiles, and the current profile
    sets its own.
    """
    local_aws = "TRANCHE_AWS_ENDPOINT" not in present
    added = {
        name: value
        for name, value in _without_other_databases(present, environment).items()
        if (local_aws if name.startswith("AWS_") else name in _PLACES or name not in present)
    }
    if any(name in present for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY")):
        # Requests to loopback must not go through a proxy.
        listed = present.get("NO_PROXY") or present.get("no_proxy") or ""
        hosts = [*filter(None, listed.split(",")), "127.0.0.1", "localhost"]
        added["NO_PROXY"] = added["no_proxy"] = ",".join(dict.fromkeys(hosts))
    return added


def _without_other_databases(present: Mapping[str, str], environment: Mapping[str, str]) -> Mapping[str, str]:
    """A profile's variables, without those of single processes if the caller names a database for all of them."""
    if OWNER_SETTING not in present or present[OWNER_SETTING] == environment.get(OWNER_SETTING):
        return environment
    return {name: value for name, value in environment.items() if name not in PROCESS_SETTINGS}
