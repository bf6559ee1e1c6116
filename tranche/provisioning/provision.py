"""`tranche provision`: create missing buckets, Glue databases, streams, PostgreSQL databases, tables and roles.

Works on the systems that the settings name, AWS itself or the local runtime. Idempotent.
"""

from typing import Annotated

import typer

from models.settings import Settings as ModelSettings
from payments.settings import Settings as PaymentSettings
from pipelines.lake.iceberg import NAMESPACES
from terminal.command_line import stage
from terminal.report import Report, reporting
from tranche.provisioning.aws import SHARDS, AwsNames, clients, provide_aws
from tranche.provisioning.made import Made
from tranche.provisioning.postgres import provide_databases, provide_schema

app = stage("What the platform works with, made where it is missing.")


@app.command()
@reporting("kind", "name")
def provision_settings(
    shards: Annotated[
        int, typer.Option(min=1, help="Shards of a stream that is made; an existing one keeps its own.")
    ] = SHARDS,
) -> Report:
    """Make what the platform needs and the settings name: bucket, stream, databases, tables, roles. Safe to repeat."""
    made = provision(shards)
    rows = [{"kind": each.kind, "name": each.name} for each in made]
    return Report({"made": rows}, [f"made      {each}" for each in made] or ["made      nothing: all was there"], rows)


def provision(shards: int = SHARDS) -> list[Made]:
    """Create everything that this process's settings name and that is missing; returns what was created, in order."""
    settings = ModelSettings.from_environment()
    database_url = PaymentSettings.from_environment().database_url
    lake = settings.lake
    names = AwsNames(
        region=lake.aws_region,
        bucket=lake.lake_bucket,
        streams={lake.stream: shards},
        databases=tuple(f"{lake.lake_prefix}{name}" for name in NAMESPACES),
    )
    made = provide_aws(clients(lake.aws_region, lake.aws_endpoint, lake.kinesis_endpoint), names)
    registry = settings.tracking_uri.replace("postgresql+psycopg://", "postgresql://")
    databases = [database_url, *([registry] if registry.startswith("postgresql://") else [])]
    return [*made, *provide_databases(databases), *provide_schema(database_url)]
