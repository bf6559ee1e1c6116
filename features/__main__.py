"""`tranche features`: look at the feature catalogue."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from features.catalog import APPLICANT, FEATURE_SETS, feature_set_digest
from features.feature import Feature
from features.reference import catalogue_page
from terminal.command_line import run, stage
from terminal.report import Report, reporting

app = stage("What each feature is.")


@app.command("page")
@reporting()
def write_page() -> Report:
    """Print the reference page of all features."""
    features = [_told(each) for of in FEATURE_SETS.values() for each in of.lake + of.request]
    tree = {"digest": feature_set_digest(), "features": features}

    def shown() -> Iterator[str]:
        yield catalogue_page().removesuffix("\n")

    return Report(tree, shown())


def _told(feature: Feature) -> dict[str, Any]:
    allowed = {jurisdiction: sorted(uses) for jurisdiction, uses in feature.allowed.items()}
    return asdict(replace(feature, allowed={})) | {"allowed": allowed}


@app.command("contract")
def write_contract(
    *,
    entity: Annotated[str, typer.Option(help="The feature set: applicant or merchant.")] = APPLICANT.entity,
    version: Annotated[str, typer.Option(help="The version that the contract is to have.")] = "1.0.0",
    samples: Annotated[bool, typer.Option("--samples", help="Print the samples of the released contract.")] = False,
) -> None:
    """Print a feature set as the contract of its table, for `data_contracts/features/*/next.odcs.yaml`."""
    from data_contracts.catalog import contract
    from data_contracts.contract import Version
    from data_contracts.feature_set import feature_set_samples
    from features.contract import contract_name, contract_text

    if samples:
        print(feature_set_samples(contract(contract_name(FEATURE_SETS[entity]))), end="")
    else:
        print(contract_text(FEATURE_SETS[entity], Version.parse(version)), end="")


@app.command("feast")
@reporting()
def write_feast(
    *,
    out: Annotated[Path, typer.Option(help="The folder of the repository; it is made when it is missing.")],
    vectors: Annotated[
        str, typer.Option(help="Where the Parquet files of the feature table are, for Feast to read.")
    ] = "vectors.parquet",
) -> Report:
    """Write the catalogue as a Feast repository."""
    from features.feast_export import export_feast

    report = export_feast(
        out,
        entity=APPLICANT.entity,
        key=APPLICANT.keys[0],
        digest=feature_set_digest(),
        features=APPLICANT.lake,
        vectors=vectors,
    )
    tree = {"folder": str(report.folder), "features": report.features}

    def shown() -> Iterator[str]:
        yield f"{report.features} features, in {report.folder}"

    return Report(tree, shown())


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche features"))
