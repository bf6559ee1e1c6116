"""Where the lake is: defaults, AWS itself, and settings that are refused."""

from pathlib import Path

import pytest

from pipelines.settings import Settings
from terminal.environment import SettingFault

ENDPOINT = {"TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:4566"}


def test_an_empty_endpoint_is_aws_itself() -> None:
    assert Settings.from_environment({"TRANCHE_AWS_ENDPOINT": ""}).aws_endpoint is None


def test_no_endpoint_at_all_is_refused_by_name() -> None:
    with pytest.raises(SettingFault, match="setting TRANCHE_AWS_ENDPOINT is not set"):
        Settings.from_environment({})


def test_a_java_that_is_neither_found_nor_the_wheels_is_refused_by_name() -> None:
    with pytest.raises(SettingFault, match="setting TRANCHE_JAVA is 'graal'"):
        Settings.from_environment({**ENDPOINT, "TRANCHE_JAVA": "graal"})


@pytest.mark.parametrize("value", ["0", "-1", "many", "1e6"])
def test_a_batch_of_no_records_is_refused_by_name(value: str) -> None:
    with pytest.raises(SettingFault, match=f"setting TRANCHE_STREAM_BATCH_RECORDS is '{value}', not a number above 0"):
        Settings.from_environment({**ENDPOINT, "TRANCHE_STREAM_BATCH_RECORDS": value})


def test_java_artefacts_are_kept_under_var_unless_it_is_said(tmp_path: Path) -> None:
    assert Settings.from_environment({**ENDPOINT, "TRANCHE_VAR": str(tmp_path)}).jvm_dir == tmp_path / "jvm"
    assert Settings.from_environment({**ENDPOINT, "TRANCHE_JVM_DIR": "/opt/jars"}).jvm_dir == Path("/opt/jars")
