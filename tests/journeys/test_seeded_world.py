"""The whole path on a small seeded world: what goes in at one end is accounted for at the other."""

import json

import pytest

from lending.acts.act import ACTS, PlanAct
from lending.plan.event import KINDS
from tests.conftest import KeptDemo
from tranche.demo.plan_events import not_reached_kinds

pytestmark = pytest.mark.slow


def test_every_event_is_accepted_quarantined_or_parked_and_a_second_run_adds_none(kept_demo: KeptDemo) -> None:
    events = kept_demo.summary["events"]

    assert events["published"] == events["read"] == events["accepted"] + events["quarantined"] + events["duplicates"]
    assert events["read"] > 20_000
    assert events["added_by_second_run"] == 0


def test_every_planted_fault_is_found_under_its_own_name(kept_demo: KeptDemo) -> None:
    planted = kept_demo.summary["planted"]

    assert set(planted) == {
        "duplicates", "malformed", "late", "missing_line", "returned", "parked", "cut_file", "wrong_balance",
        "unknown_credit",
    }  # fmt: skip
    assert {fault: counts["found"] for fault, counts in planted.items()} == {
        fault: counts["planted"] for fault, counts in planted.items()
    }
    assert all(counts["planted"] > 0 for counts in planted.values())


def test_every_decision_is_replayed_the_same_and_no_decline_lacks_a_reason(kept_demo: KeptDemo) -> None:
    decisions = kept_demo.summary["decisions"]

    answers = [decisions[outcome] for outcome in ("approved", "approved_reduced", "referred", "declined")]
    assert sum(answers) == decisions["requested"] == decisions["replayed"] == decisions["replayed_identical"] > 0
    assert decisions["declined"] > 0
    assert decisions["declined_without_reason"] == 0


def test_the_books_balance_and_every_line_is_matched_or_a_break(kept_demo: KeptDemo) -> None:
    ledger, found = kept_demo.summary["ledger"], kept_demo.summary["reconciliation"]

    assert ledger["GBP"]["debits_minor"] == ledger["GBP"]["credits_minor"] > 0
    assert ledger["verified"] is True
    assert found["lines"] == found["matched_by_id"] + found["matched_by_rule"] + found["unmatched"]


def test_what_the_clearing_accounts_hold_is_exactly_what_is_known_to_be_open(kept_demo: KeptDemo) -> None:
    ledger, planted = kept_demo.summary["ledger"], kept_demo.summary["planted"]

    assert ledger["open_groups"] == ledger["open_groups_explained"] >= planted["missing_line"]["planted"] > 0
    assert ledger["open_items_missing"] == 0


def test_the_figures_are_also_files(kept_demo: KeptDemo) -> None:
    assert json.loads((kept_demo.folder / "summary.json").read_text()) == kept_demo.summary
    assert "<svg" in (kept_demo.folder / "report.html").read_text()


def test_every_kind_of_plan_event_happened_by_a_door(kept_demo: KeptDemo) -> None:
    """Unless the page on what is not reached lists it. What a person decides came by an act, or as a shop's refund."""
    seen = kept_demo.summary["plan_events"]

    assert set(seen) == set(KINDS) - not_reached_kinds()
    assert [kind for kind, each in seen.items() if not each["count"]] == []
    decided = {event_kind_of(act) for act in ACTS.values()}
    assert {door for kind in decided & set(seen) for door in seen[kind]["doors"]} <= {
        "act",
        "close_of_business",
        "refund",
        "refund_payment",
        "collection",
    }
    assert all(each["first_plan"].startswith("p-d-") for each in seen.values())


def event_kind_of(act: PlanAct) -> str:
    return next(kind for kind, body in KINDS.items() if body is act.event)
