"""The summary's names are the documented ones, and a broken promise is said in words."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.tranche.builders import a_ledger, a_retail, a_summary
from tranche.report.summary import Events, Facts, KindSeen, LedgerFigures, OpenGroups, Planted, Summary, Totals, keys_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "summary.md"
OPEN_NAMES = {"seconds": "<stage>", "breaks": "<class>", "planted": "<fault>", "ledger": "<currency>"}


def documented() -> set[str]:
    names: set[str] = set()
    for line in DOCUMENT.read_text().splitlines():
        if not line.startswith("| `"):
            continue
        section = ""
        for name in re.findall(r"`([^`]+)`", line.split("|")[1]):
            section = section or name.rsplit(".", 1)[0]
            names.add(f"{section}{name}" if name.startswith(".") else name)
    return names


def produced(summary: Summary) -> set[str]:
    """The names of a run, with what varies from run to run written as the document writes it."""
    names = set()
    for key in keys_of(summary.as_tree()):
        name = re.sub(r"^seconds\..+", "seconds.<stage>", key)
        name = re.sub(r"^reconciliation\.breaks\..+", "reconciliation.breaks.<class>", name)
        name = re.sub(r"^planted\.[^.]+\.", "planted.<fault>.", name)
        name = re.sub(r"^plan_events\.[^.]+\.(doors\.)?.+", _of_kind, name)
        name = re.sub(r"^database_roles\.[^.]+\.", "database_roles.<process>.", name)
        name = re.sub(r"^retail\.(unposted_minor|lines_by_class)\..+", r"retail.\1.<class>", name)
        names.add(re.sub(r"^ledger\.[A-Z]{3}\.", "ledger.<currency>.", name))
    return names


def _of_kind(found: re.Match[str]) -> str:
    return "plan_events.<kind>." + ("doors.<door>" if found[1] else found[0].rpartition(".")[2])


def test_every_figure_is_documented_and_every_documented_figure_is_produced() -> None:
    assert produced(a_summary()) == documented()


def test_a_section_without_meaning_is_absent() -> None:
    tree = Summary(source="berka", seconds={"publish": 1.0}).as_tree()

    assert tree == {"source": "berka", "seconds": {"publish": 1.0}}


def test_the_file_holds_the_figures(tmp_path: Path) -> None:
    a_summary().write(tmp_path / "summary.json")

    read = json.loads((tmp_path / "summary.json").read_text())

    assert read["ledger"]["GBP"] == {"debits_minor": 98_765_432, "credits_minor": 98_765_432}
    assert (read["retail"]["rounding_minor"], read["retail"]["files_minor"]) == (-0.2, 84000.2)
    assert read["planted"]["malformed"] == {"planted": 42, "found": 42}
    assert not list(tmp_path.glob("*.part"))


def test_a_sound_run_breaks_no_promise() -> None:
    assert a_summary().broken_promises() == ()


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        pytest.param(replace(a_summary(), events=Events(0, 9, 9, 7, 1, 0, 0)), "not conserved", id="a row lost"),
        pytest.param(
            replace(a_summary(), plan_events={"extended": KindSeen(0, {}, None)}),
            "did not happen: extended",
            id="a kind that did not happen",
        ),
        pytest.param(replace(a_summary(), events=Events(0, 9, 9, 9, 0, 0, 3)), "added 3 rows", id="a second run adds"),
        pytest.param(
            replace(a_summary(), ledger=LedgerFigures(1, 1, {"GBP": Totals(5, 4)}, verified=True)),
            "GBP",
            id="unequal sides",
        ),
        pytest.param(
            replace(a_summary(), ledger=LedgerFigures(1, 1, {"GBP": Totals(5, 5)}, verified=False)),
            "verify",
            id="not verified",
        ),
        pytest.param(
            replace(a_summary(), ledger=replace(a_ledger(), open=OpenGroups(3, 2, 0, ("a-1 is strange",)))),
            "1 open clearing groups without a reason, 0 open items without a group: a-1 is strange",
            id="a group without a reason",
        ),
        pytest.param(
            replace(a_summary(), ledger=replace(a_ledger(), open=OpenGroups(3, 3, 1, ("mp-1 is nowhere",)))),
            "1 open items without a group: mp-1 is nowhere",
            id="an open item that the books lack",
        ),
        pytest.param(
            replace(a_summary(), retail=replace(a_retail(), posted_refunds_minor=19_999)),
            "come to 84001 pennies, all lines to 84000",
            id="a refund missing in the books",
        ),
        pytest.param(
            replace(a_summary(), retail=replace(a_retail(), files_minor=Decimal(84_000))),
            "less their rounding come to 84000.2 pennies, the files to 84000",
            id="a line lost on the way from the files",
        ),
        pytest.param(
            replace(a_summary(), retail=replace(a_retail(), lines=12)), "11 of 12 retail lines", id="a line in no class"
        ),
        pytest.param(
            replace(a_summary(), retail=replace(a_retail(), open_groups=2)), "2 clearing groups", id="an open group"
        ),
        pytest.param(
            replace(a_summary(), facts=Facts(9, 8, 0, 0)), "has 8 of 9 facts of the platform", id="a fact lost"
        ),
        pytest.param(replace(a_summary(), facts=Facts(9, 9, 1, 0)), "1 that nobody wrote", id="a fact invented"),
        pytest.param(replace(a_summary(), facts=Facts(9, 9, 0, 1)), "1 sums that differ", id="an amount changed"),
        pytest.param(
            replace(a_summary(), planted={"late": Planted(4, 3)}), "late: 4 planted, 3 found", id="one missed"
        ),
        pytest.param(
            replace(a_summary(), planted={"late": Planted(4, 5)}), "late: 4 planted, 5 found", id="one invented"
        ),
    ],
)
def test_a_broken_promise_is_said_in_words(summary: Summary, said: str) -> None:
    broken = summary.broken_promises()

    assert len(broken) == 1
    assert said in broken[0]


def test_a_decision_that_replays_differently_is_said() -> None:
    summary = a_summary()
    assert summary.decisions is not None
    decisions = replace(summary.decisions, replayed_identical=summary.decisions.replayed - 2, declined_without_reason=1)

    broken = replace(summary, decisions=decisions).broken_promises()

    assert [line.split()[0] for line in broken] == ["2", "1"]
