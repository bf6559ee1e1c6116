"""The settings of models and their registry; those of the lake belong to `pipelines`."""

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import Settings as LakeSettings
from terminal.environment import optional, required


@dataclass(frozen=True, slots=True)
class Settings:
    """`models_dir` holds the exported artefacts by digest, and the digest of the champion.

    `artefacts_uri` is where MLflow stores the files of its runs.
    """

    tracking_uri: str
    artefacts_uri: str
    models_dir: Path
    lake: LakeSettings

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables; `SettingFault` names the first one that is missing or malformed."""
        environ = os.environ if environ is None else environ
        lake = LakeSettings.from_environment(environ)
        return cls(
            tracking_uri=required(
                environ, "TRANCHE_MLFLOW_TRACKING_URI", "postgresql+psycopg://postgres@localhost/mlflow"
            ),
            artefacts_uri=optional(environ, "TRANCHE_MLFLOW_ARTEFACTS", f"s3://{lake.lake_bucket}/mlflow"),
            models_dir=models_dir(environ),
            lake=lake,
        )

    def hand_to_mlflow(self, environ: MutableMapping[str, str] | None = None) -> None:
        """Export the settings to the environment, the only source that MLflow and its AWS client read."""
        environ = os.environ if environ is None else environ
        environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        environ["AWS_DEFAULT_REGION"] = self.lake.aws_region
        if self.lake.aws_endpoint is not None:
            environ["MLFLOW_S3_ENDPOINT_URL"] = self.lake.aws_endpoint


def models_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of exported models, the only setting of this package that serving needs."""
    environ = os.environ if environ is None else environ
    return Path(required(environ, "TRANCHE_MODELS_DIR", "var/models"))
