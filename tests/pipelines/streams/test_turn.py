"""Two ingests of one lake take turns, and a turn does not outlive the session that holds it."""

import threading
from collections.abc import Mapping
from dataclasses import replace

import psycopg
import pytest

from pipelines.settings import Settings
from pipelines.streams.postgres_turn import NotOurTurn, ingesting

SETTINGS = Settings.from_environment({"TRANCHE_AWS_ENDPOINT": ""})


def test_the_second_waits_until_the_first_has_ended_and_says_so_when_that_takes_too_long(database_url: str) -> None:
    order: list[str] = []

    def second() -> None:
        with ingesting(database_url, SETTINGS):
            order.append("second")

    waiting = threading.Thread(target=second)
    with ingesting(database_url, SETTINGS) as still_mine:
        with (
            pytest.raises(NotOurTurn, match="another ingest of the lake tranche-lake/ has been at work"),
            ingesting(database_url, SETTINGS, patience_s=0.05),
        ):
            order.append("never")
        with ingesting(database_url, replace(SETTINGS, lake_prefix="other_")):
            order.append("other lake")
        waiting.start()
        waiting.join(0.3)
        still_mine("read")
        order.append("first")
    waiting.join()

    assert order == ["other lake", "first", "second"]


def test_whoever_lost_the_turn_hears_of_it_before_the_next_commit(
    database_url: str, postgres_environment: Mapping[str, str]
) -> None:
    with ingesting(database_url, SETTINGS) as still_mine:
        still_mine("read")
        with psycopg.connect(postgres_environment["TRANCHE_DATABASE_URL"], autocommit=True) as other:
            held = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tranche ingest'"
            other.execute(f"SELECT pg_terminate_backend(pid) FROM ({held}) AS held")
        with ingesting(database_url, SETTINGS, patience_s=5), pytest.raises(psycopg.OperationalError):
            still_mine("raw.accounts")
