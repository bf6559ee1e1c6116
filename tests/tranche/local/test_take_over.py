"""A run that brings its own runtime reads no stream that the caller's variables name."""

import os

import pytest

from pipelines.settings import Settings
from tranche.settings import take_over


def test_taking_over_forgets_where_the_callers_kinesis_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ) | {"TRANCHE_KINESIS_ENDPOINT": "https://kinesis.internal"})

    environment = take_over({"TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1"})

    assert Settings.from_environment(environment).kinesis_endpoint == "http://127.0.0.1:1"
