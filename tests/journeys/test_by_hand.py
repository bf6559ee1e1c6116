"""A person walks days by hand: shoppers come, money is collected and reconciled, on the runtime's own clock."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import CHECKOUT, KeptDemo

pytestmark = pytest.mark.slow

TRANCHE = [sys.executable, "-m", "tranche"]


class Hand:
    """Types commands on one runtime."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ

    def types(self, *words: str) -> str:
        """What a command says; it must go well."""
        done = subprocess.run(
            [*TRANCHE, *words], env=self.environ, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout

    def report(self, *words: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.types(*words, "--json"))
        return report


@pytest.fixture(scope="module")
def hand(kept_demo: KeptDemo) -> Hand:
    return Hand({**os.environ, **kept_demo.environment})


@pytest.fixture(scope="module")
def address(hand: Hand) -> Iterator[str]:
    """A decision API on the same runtime, started before its clock is set."""
    command = [*TRANCHE, "serve", "--json"]
    with subprocess.Popen(command, env=hand.environ, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        try:
            yield json.loads(serving.stdout.readline())["address"]
        finally:
            serving.terminate()
            serving.wait(20)


def test_shoppers_of_a_day_become_plans_and_their_money_is_collected_and_reconciled(hand: Hand, address: str) -> None:
    hand.types("clock", "set", "2026-06-01T10:00")
    shopped = hand.report("simulation", "shop", "--shoppers", "10", "--api", address)["shopped"]

    assert sum(shopped["outcomes"].values()) == 10
    assert shopped["outcomes"]["approved"] >= 5
    assert [reason for reason in shopped["reasons"] if "STALE" in reason.upper()] == []
    assert len(shopped["plans"]) >= 4

    first = _evening(hand)
    hand.types("clock", "advance", "1d")
    _evening(hand)
    hand.types("clock", "advance", "30d")
    collected = hand.report("payments", "collect", "--due", _day(hand))
    second = _evening(hand)
    hand.types("clock", "advance", "1d")
    _evening(hand)

    assert _day(hand) == "2026-07-03"
    assert collected["captured"] >= len(shopped["plans"]) // 2
    assert first["matched_by_id"] > 0, "first payments are in the settlement of the day"
    assert second["matched_by_id"] >= collected["captured"]
    hand.types("lending", "close-of-business", "--date", _day(hand))
    hand.types("ledger", "seal")
    hand.types("ledger", "verify")
    assert hand.report("serving", "replay", "--all")["differing"] == []


def test_a_transfer_that_was_not_asked_for_is_on_the_statement_and_becomes_a_break(hand: Hand) -> None:
    hand.types("clock", "advance", "1d")
    hand.types("simulation", "pay", "--amount-minor", "2500", "--reference", "for my sofa", "--payer", "s-1")

    assert _evening(hand)["breaks"]["E4"] == 1


def _day(hand: Hand) -> str:
    return hand.types("clock", "--day").strip()


def _evening(hand: Hand) -> dict[str, Any]:
    """The outside world ends its day, and what it says is reconciled."""
    inbox = hand.report("simulation", "bank")["inbox"]
    return hand.report("payments", "reconcile", "--inbox", inbox, "--day", _day(hand))
