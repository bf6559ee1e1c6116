"""`tranche features`: look at the feature catalogue."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from features.catalog import LAKE_FEATURES, REQUEST_FEATURES, feature_set_digest
from features.reference import page

app = typer.Typer(help="What each feature is.", no_args_is_help=True)


@app.command("page")
def write_page(
    as_json: Annotated[bool, typer.Option("--json", help="The definitions as one JSON object.")] = False,
) -> None:
    """Print the reference page of all features."""
    if as_json:
        features = [asdict(feature) for feature in LAKE_FEATURES + REQUEST_FEATURES]
        print(json.dumps({"digest": feature_set_digest(), "features": features}))
    else:
        print(page(), end="")


@app.callback()
def _features() -> None:
    """Keeps `page` a named act although it is the only one."""


def main(argv: list[str] | None = None) -> int:
    """Run one act; the exit code says how it ended."""
    return app(argv, standalone_mode=False, prog_name="tranche features") or 0


if __name__ == "__main__":
    raise SystemExit(main())
