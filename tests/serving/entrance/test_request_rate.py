"""How often a sender may ask."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from serving.entrance.request_rate import DEFAULT_RATE, Rate, RequestRate, rate_from
from serving.settings import Settings
from terminal.environment import SettingFault
from tests.serving.checkout import a_merchants_key, running


def test_a_bucket_fills_at_its_rate_up_to_its_burst() -> None:
    moment = [0.0]
    rate = RequestRate(Rate(per_second=2, burst=3), lambda: moment[0])

    assert [rate.wait_for("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rate.wait_for("b") == 0, "others have their own"
    moment[0] = 0.25
    assert rate.wait_for("a") == 0.25, "a refused request takes nothing"
    moment[0] = 0.5
    assert rate.wait_for("a") == 0
    moment[0] = 1_000
    assert [rate.wait_for("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_a_setting_is_a_rate_or_a_fault() -> None:
    assert rate_from("") == DEFAULT_RATE
    assert rate_from("50/100") == Rate(50, 100)
    for text in ("50", "0/5", "5/0", "-1/5", "1.5/2", "\u0665/\u0665", "a/b"):
        with pytest.raises(SettingFault, match="TRANCHE_RATE"):
            rate_from(text)


def test_a_principal_that_floods_is_held_and_others_are_not(
    settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    other = a_merchants_key(connection)
    with running(replace(settings, rate=Rate(per_second=1, burst=2))) as api:
        answers = [api.get("/v1/decisions/d-none") for _ in range(4)]
        of_other = api.get("/v1/decisions/d-none", headers={"Authorization": f"Bearer {other}"})

    assert [each.status_code for each in answers] == [404, 404, 429, 429]
    assert answers[-1].json()["type"] == "urn:tranche:problem:too-often"
    assert int(answers[-1].headers["Retry-After"]) == 1
    assert of_other.status_code == 404
