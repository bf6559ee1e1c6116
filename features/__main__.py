"""`tranche features`: look at the feature catalogue."""

import json
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from features.catalog import FEATURE_SETS, feature_set_digest
from features.feature import Feature
from features.reference import page

app = typer.Typer(help="What each feature is.", no_args_is_help=True)


@app.command("page")
def write_page(
    as_json: Annotated[bool, typer.Option("--json", help="The definitions as one JSON object.")] = False,
) -> None:
    """Print the reference page of all features."""
    if as_json:
        features = [_told(each) for of in FEATURE_SETS.values() for each in of.lake + of.request]
        print(json.dumps({"digest": feature_set_digest(), "features": features}))
    else:
        print(page(), end="")


def _told(feature: Feature) -> dict[str, Any]:
    allowed = {jurisdiction: sorted(uses) for jurisdiction, uses in feature.allowed.items()}
    return asdict(replace(feature, allowed={})) | {"allowed": allowed}


@app.callback()
def _features() -> None:
    """Keeps `page` a named act although it is the only one."""


def main(argv: list[str] | None = None) -> int:
    """Run one act; the exit code says how it ended."""
    return app(argv, standalone_mode=False, prog_name="tranche features") or 0


if __name__ == "__main__":
    raise SystemExit(main())
