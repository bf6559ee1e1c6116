"""A decision reads a value that is too old as unknown, says so, and replays to the same bytes."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from features.freshness import Limit
from features.postgres import PostgresVectors
from lending.decision.postgres import PostgresDecisions
from lending.decision.record import inputs_from_text
from lending.terms import policy_file
from serving import vector_scorer
from serving.replay import Cause, Differs, replay_all
from serving.settings import Settings
from serving.vector_scorer import VectorScorer
from tests.serving.checkout import NOON, Api, an_order_body, promoted, publish


@pytest.fixture
def decision(client: Api, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A decision on a vector whose newest event is a day and a half old, where a day is the limit of one feature."""
    limits = {"balance_low_90d": Limit(timedelta(days=1)), "tenure_days": Limit(timedelta(days=2))}
    monkeypatch.setattr(vector_scorer, "LIMITS", limits)
    publish(connection, "a-1")
    body = an_order_body(order_id="o-stale")
    response = client.post("/v1/decisions", json=body, headers={"Idempotency-Key": "o-stale"})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_value_that_is_too_old_is_unknown_and_named(
    decision: dict[str, Any], connection: psycopg.Connection[Any]
) -> None:
    stored = PostgresDecisions(connection).get(decision["decision_id"])
    assert stored is not None
    evidence = inputs_from_text(stored.inputs).evidence
    assert evidence is not None

    assert (decision["inputs"]["stale"], evidence.stale) == (["balance_low_90d"], ("balance_low_90d",))
    assert "balance_low_90d" in decision["inputs"]["unknown"]
    assert (evidence.values["balance_low_90d"], evidence.values["tenure_days"]) == (None, 400.0)


def test_it_replays_to_the_same_bytes_and_other_changes_are_still_named(
    decision: dict[str, Any], connection: psycopg.Connection[Any], settings: Settings
) -> None:
    report = replay_all(connection, settings.models_dir, policy_file.load_policies())
    assert (report.replayed, report.identical) == (1, 1)

    publish(connection, "a-1", income_mean_180d=1.0)

    (differing,) = replay_all(connection, settings.models_dir, policy_file.load_policies()).differing
    assert isinstance(differing, Differs)
    assert differing.cause is Cause.DATA
    assert differing.detail.endswith("has since changed: income_mean_180d")


def test_a_decision_makes_one_read_for_its_evidence(
    connection: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(connection, "a-1")
    statements: list[object] = []
    execute = connection.execute
    monkeypatch.setattr(
        connection, "execute", lambda *given, **how: (statements.append(given), execute(*given, **how))[1]
    )

    evidence = VectorScorer(promoted(tmp_path), PostgresVectors(connection)).evidence("a-1", NOON)

    assert evidence is not None
    assert len(statements) == 1
