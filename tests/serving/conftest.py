"""A promoted model and a migrated database with one comfortable shopper."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from serving.settings import Settings
from tests.serving.checkout import Api, promoted, publish, running


@pytest.fixture
def settings(tmp_path: Path, database_url: str, connection: psycopg.Connection[Any]) -> Settings:
    promoted(tmp_path / "models")
    publish(connection)
    return Settings(database_url=database_url, models_dir=tmp_path / "models")


@pytest.fixture
def client(settings: Settings) -> Iterator[Api]:
    with running(settings) as started:
        yield started
