"""Profiles: the environment that commands work on. `demo` and `local` are runtimes of this machine, others are files.

The name of the current profile is in `var/profile`. A profile NAME of an outside environment is the file
`var/profiles/NAME.toml`, with a line such as `TRANCHE_LAKE_BUCKET = "acme-lake"` for each setting.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pipelines.settings import Settings as LakeSettings
from terminal.database import OWNER_SETTING, PROCESS_SETTINGS, DatabaseProcess, process_url
from terminal.environment import SettingFault
from tranche.fault import RuntimeFault
from tranche.local.runtime import LocalRuntime

DEMO, LOCAL = "demo", "local"
MAKES = {DEMO: "make demo", LOCAL: "tranche local up"}
"""The command that creates each runtime."""

SETTINGS = (
    OWNER_SETTING,
    *PROCESS_SETTINGS,
    "TRANCHE_AWS_ENDPOINT",
    "TRANCHE_KINESIS_ENDPOINT",
    "TRANCHE_AWS_REGION",
    "TRANCHE_LAKE_BUCKET",
    "TRANCHE_LAKE_PREFIX",
    "TRANCHE_STREAM",
    "TRANCHE_STREAM_BATCH_RECORDS",
    "TRANCHE_SPARK_MASTER",
    "TRANCHE_JAVA",
    "TRANCHE_JVM_DIR",
    "TRANCHE_ERASURE_KEY",
    "TRANCHE_MLFLOW_TRACKING_URI",
    "TRANCHE_MLFLOW_ARTEFACTS",
    "TRANCHE_MODELS_DIR",
    "TRANCHE_PROVIDER_URL",
    "TRANCHE_CLOCK_FILE",
    "TRANCHE_CONFIG",
    "TRANCHE_RATE",
    "TRANCHE_TOKEN_AUDIENCE",
    "TRANCHE_TOKEN_CLAIM",
    "TRANCHE_TOKEN_ISSUER",
    "TRANCHE_TOKEN_KEYS",
    "TRANCHE_KEY",
    "TRANCHE_INBOX",
    "TRANCHE_MAX_FILE_BYTES",
    "TRANCHE_OUTBOX",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)
"""The settings that a profile's file may have. AWS credentials are not among them; AWS has its own files for them."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_AT_LINE = re.compile(r"(?P<trouble>.*) \(at line (?P<line>\d+), column \d+\)")


class ProfileFault(RuntimeFault):
    """Raised for an unknown profile or a faulty file. The message names the file, the line and the key."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A named environment. `runtime` is None if it is outside this machine; its `settings` are then those of its file.

    `clock_file` is the file of its own clock, if it has one.
    """

    name: str
    runtime: LocalRuntime | None
    settings: Mapping[str, str]
    clock_file: Path | None = None

    @property
    def exists(self) -> bool:
        """Whether it can be used: its runtime was created, or it needs none."""
        return self.runtime is None or self.runtime.exists

    def environment(self) -> dict[str, str]:
        """The variables that point a command at this environment, whether or not its services run."""
        environment = dict(self.settings)
        if self.runtime is not None:
            environment = self.runtime.environment(only=()) | environment
        return environment

    def time(self) -> str | None:
        """The time of its own clock, as text; None if the machine's time is used."""
        chosen = self.settings.get("TRANCHE_CLOCK_FILE")
        path = Path(chosen) if chosen else self.clock_file
        return path.read_text(encoding="ascii").strip() if path is not None and path.is_file() else None


def profile_named(var: Path, name: str) -> Profile:
    """The profile of this name; raises ProfileFault if there is none or its file is faulty."""
    if name == DEMO:
        folder = var / "demo" / "runtime"
        # The demo has its own journals and Spark scratch space; Java artefacts are pinned by hash and shared.
        apart = {"TRANCHE_VAR": str(folder / "var"), "TRANCHE_JVM_DIR": str(var / "jvm")}
        settings = apart | {"TRANCHE_PROFILES": str(var)}
        return Profile(name, LocalRuntime(folder), settings, folder / "clock")
    if name == LOCAL:
        folder = var / "local"
        return Profile(name, LocalRuntime(folder), {}, folder / "clock")
    path = _files(var) / f"{name}.toml"
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(names(var))
        raise ProfileFault(
            f"there is no profile {name!r}: known are {known}; another is a file {_files(var)}/NAME.toml"
        )
    return Profile(name, None, _read(path))


def names(var: Path) -> tuple[str, ...]:
    """The names of all profiles: the two runtimes and each file."""
    files = (path.stem for path in sorted(_files(var).glob("*.toml")))
    return (DEMO, LOCAL, *(name for name in files if _NAME.fullmatch(name) and name not in MAKES))


def current_name(var: Path) -> str | None:
    """The name in `var/profile`; without that file, the local runtime's if it was created."""
    try:
        chosen = (var / "profile").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        chosen = ""
    return chosen or (LOCAL if profile_named(var, LOCAL).exists else None)


def current(var: Path) -> Profile | None:
    """The profile that commands work on; None if none was chosen and there is no local runtime."""
    name = current_name(var)
    return profile_named(var, name) if name else None


def make_current(var: Path, name: str) -> Profile:
    """Make this profile the current one; raises ProfileFault if there is none of this name."""
    profile = profile_named(var, name)
    var.mkdir(parents=True, exist_ok=True)
    draft = var / "profile.part"
    draft.write_text(f"{name}\n", encoding="utf-8")
    draft.replace(var / "profile")
    return profile


def _files(var: Path) -> Path:
    return var / "profiles"


def _read(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.fullmatch(str(error))
        where, trouble = (f"{path}:{found['line']}", found["trouble"]) if found else (str(path), str(error))
        raise ProfileFault(f"{where}: {trouble}") from error
    for name, value in values.items():
        where = f"{path}:{_line_of(name, text)}: {name}"
        if name not in SETTINGS:
            close = get_close_matches(name, SETTINGS, 1)
            meant = f"did you mean {close[0]}?" if close else f"possible are {', '.join(SETTINGS)}"
            raise ProfileFault(f"{where} is not a setting of a profile; {meant}")
        if not isinstance(value, str):
            raise ProfileFault(f'{where} is {value!r}, not text in quotes like "{value}"')
    try:
        for process in (None, *DatabaseProcess):
            if (OWNER_SETTING if process is None else process.setting) in values:
                process_url(values, process)
        LakeSettings.from_environment({"TRANCHE_AWS_ENDPOINT": "", **values})
    except SettingFault as fault:
        raise ProfileFault(f"{path}:{_line_of(fault.name, text)}: {fault}") from fault
    return values


def _line_of(name: str, text: str) -> int:
    """The number of the line that sets this key; 1 if it is not found."""
    key = re.compile(rf"""\s*["']?{re.escape(name)}["']?\s*(=|\.)|\s*\[+\s*{re.escape(name)}\b""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if key.match(line)), 1)
