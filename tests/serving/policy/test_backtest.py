"""Past orders decided again under another policy, on the live engine and their own records."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.money import Currency, Money
from lending.decision.postgres import PostgresDecisions
from lending.terms.policy import Policy
from lending.terms.policy_file import SHIPPED, load_policies, parse_policy
from serving.policy.backtest import Backtest, DecidedDays, Realised, backtest
from serving.policy.backtest_page import backtest_page
from serving.replay import ModelFolder
from serving.settings import Settings
from tests.command_line import acts_of
from tests.serving.checkout import NOON, Api, an_order_body, publish

main = acts_of("policy")
SCOPE = DecidedDays(NOON.date(), NOON.date())
FILE = SHIPPED / "gb-pay-in-3-1.toml"


def policy(*edits: tuple[str, str]) -> Policy:
    text = FILE.read_text(encoding="utf-8")
    for before, after in edits:
        assert before in text
        text = text.replace(before, after, 1)
    return parse_policy(text, FILE.name)


def pounds(amount: int) -> Money:
    return Money(amount * 100, Currency.GBP)


@pytest.fixture
def decided(client: Api, connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Orders of 90, 480 and 480 pounds: approved, reduced for want of means, referred without a vector; by account."""
    publish(connection, "a-1")
    publish(connection, "a-poor", income_mean_180d=110_000.0)
    found = {}
    for account, amount in (("a-1", 9_000), ("a-poor", 48_000), ("a-unseen", 48_000)):
        body = an_order_body(order_id=account, account_id=account, shopper_id=f"s-{account}", amount_minor=amount)
        answer = client.post("/v1/decisions", json=body, headers={"Idempotency-Key": account}).json()
        found[account] = answer["decision_id"]
    return found


def tried(
    connection: psycopg.Connection[Any],
    settings: Settings,
    other: Policy,
    period: DecidedDays = SCOPE,
    **realised: Realised,
) -> Backtest:
    return backtest(
        PostgresDecisions(connection).all(),
        other,
        period=period,
        models=ModelFolder(settings.models_dir),
        realised=realised,
        loss_share=1.0,
    )


def sets(found: Backtest) -> dict[str, tuple[int, Money, Money]]:
    return {each.name: (each.orders, each.lent_before, each.lent_after) for each in found.sets}


def test_the_policy_that_decided_changes_nothing(
    connection: psycopg.Connection[Any], settings: Settings, decided: dict[str, str]
) -> None:
    found = tried(connection, settings, policy())

    assert (found.decisions, found.changed) == (len(decided), ())
    assert all(before == after for before, after in found.matrix)
    assert found.approved_before == found.approved_after == 2


def test_a_stricter_policy_swaps_out_and_says_why(
    connection: psycopg.Connection[Any], settings: Settings, decided: dict[str, str]
) -> None:
    found = tried(connection, settings, policy(("below = 60", "below = 500")))

    (first,) = [each for each in found.changed if each.decision_id == decided["a-1"]]
    assert (first.before, first.after, first.swap) == ("approved", "declined", "out")
    assert (first.reasons_before, first.reasons_after) == ((), ("TENURE_SHORT",))
    assert sets(found)["out"][0] == 2
    assert (found.approved_before, found.approved_after) == (2, 0)


def test_a_laxer_policy_lends_more_and_the_unknown_loss_has_bounds(
    connection: psycopg.Connection[Any], settings: Settings, decided: dict[str, str]
) -> None:
    (before,) = [each for each in PostgresDecisions(connection).all() if each.decision_id == decided["a-poor"]]
    assert before.offer is not None

    found = tried(connection, settings, policy(("share_basis_points = 3_000", "share_basis_points = 9_999")))

    (poor,) = found.changed
    assert (poor.decision_id, poor.before) == (decided["a-poor"], "approved_reduced")
    assert poor.approved_after > poor.approved_before == before.offer.amount
    kept = next(each for each in found.sets if each.name == "kept")
    assert kept.loss.realised == kept.loss.least == pounds(0)
    assert kept.loss.most == kept.lent_after
    assert pounds(0) < kept.loss.expected < kept.loss.most


def test_what_is_known_of_a_plan_counts_instead_of_a_guess(
    connection: psycopg.Connection[Any], settings: Settings, decided: dict[str, str]
) -> None:
    known = {decided["a-1"]: Realised(in_default=True, lost=pounds(60))}

    kept = next(each for each in tried(connection, settings, policy(), **known).sets if each.name == "kept")

    assert kept.loss.realised == kept.loss.least == pounds(60)
    assert kept.loss.most == kept.lent_after


def test_only_the_period_and_the_scope_of_the_policy_are_tried(
    connection: psycopg.Connection[Any], settings: Settings, decided: dict[str, str]
) -> None:
    other = replace(policy(), currency=Currency.EUR)

    assert tried(connection, settings, policy(), DecidedDays(date(2020, 1, 1), date(2020, 12, 31))).decisions == 0
    found = tried(connection, settings, other)
    assert (found.decisions, found.skipped) == (0, len(decided))


def test_the_command_prints_it_and_writes_a_page_that_loads_nothing(
    settings: Settings,
    decided: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    draft, page = tmp_path / "draft.toml", tmp_path / "page.html"
    draft.write_text(FILE.read_text(encoding="utf-8").replace("below = 60", "below = 500"), encoding="utf-8")
    monkeypatch.setenv("TRANCHE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TRANCHE_MODELS_DIR", str(settings.models_dir))
    day = NOON.date().isoformat()

    assert main(["backtest", str(draft), "--from", day, "--to", day, "--html", str(page), "--json"]) == 0

    tree = json.loads(capsys.readouterr().out)
    assert (tree["decisions"], tree["approved"]) == (3, {"before": 2, "after": 0})
    assert {each["reasons_after"] for each in tree["changed"]} >= {"TENURE_SHORT"}
    text = page.read_text(encoding="utf-8")
    assert all(decision in text for decision in (decided["a-1"], decided["a-poor"]))
    assert "http" not in text, "it loads nothing"


def test_a_page_shows_what_a_policy_says_as_text() -> None:
    shipped = next(iter(load_policies()))
    empty = Backtest(replace(shipped, policy_id="<b>x</b>"), SCOPE, 0, 0, {}, (), ())

    assert "<b>x</b>" not in backtest_page(empty)
