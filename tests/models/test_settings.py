"""Settings are read once, and a missing one is named with an example."""

from pathlib import Path

import pytest

from models import settings
from models.settings import Settings
from terminal.environment import SettingFault

ENVIRONMENT = {
    "TRANCHE_MLFLOW_TRACKING_URI": "sqlite://",
    "TRANCHE_MODELS_DIR": "/somewhere/models",
    "TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:4566",
    "TRANCHE_AWS_REGION": "eu-central-1",
    "TRANCHE_LAKE_BUCKET": "a-bucket",
}


def test_artefacts_go_to_the_lakes_bucket_unless_told_otherwise() -> None:
    assert Settings.from_environment(ENVIRONMENT).artefacts_uri == "s3://a-bucket/mlflow"
    elsewhere = ENVIRONMENT | {"TRANCHE_MLFLOW_ARTEFACTS": "file:///runs"}
    assert Settings.from_environment(elsewhere).artefacts_uri == "file:///runs"


@pytest.mark.parametrize("name", ["TRANCHE_MLFLOW_TRACKING_URI", "TRANCHE_MODELS_DIR", "TRANCHE_AWS_ENDPOINT"])
def test_a_missing_setting_is_named_with_an_example(name: str) -> None:
    with pytest.raises(SettingFault, match=f"{name} is not set; for example {name}="):
        Settings.from_environment({each: value for each, value in ENVIRONMENT.items() if each != name})


def test_serving_needs_only_the_folder_of_models() -> None:
    assert settings.models_dir({"TRANCHE_MODELS_DIR": "/m"}) == Path("/m")


def test_mlflow_is_told_the_endpoint_and_to_keep_quiet() -> None:
    environ: dict[str, str] = {}
    Settings.from_environment(ENVIRONMENT).hand_to_mlflow(environ)
    assert environ == {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:4566",
    }


def test_on_aws_itself_mlflow_finds_its_own_endpoint() -> None:
    environ: dict[str, str] = {}
    Settings.from_environment(ENVIRONMENT | {"TRANCHE_AWS_ENDPOINT": ""}).hand_to_mlflow(environ)
    assert "MLFLOW_S3_ENDPOINT_URL" not in environ
