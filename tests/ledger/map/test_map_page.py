"""The page and the picture of the money map are those of its data, and every flow stands in both."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ledger.map.flows import admit, money_map
from ledger.map.map_page import money_map_page, short
from tests.command_line import acts_of
from tests.ledger.builders import a_journal, euros, pounds

main = acts_of("ledger")

CHECKOUT = Path(__file__).parents[3]
COMMITTED = CHECKOUT / "docs" / "reference"


def test_the_committed_page_and_picture_are_those_of_the_map(tmp_path: Path) -> None:
    main(["map", "--out", str(tmp_path), "--flows", str(tmp_path / "flow.py")])

    assert (tmp_path / "flow.py").read_text() == (CHECKOUT / "ledger/map/flow.py").read_text(), "run tranche ledger map"
    for name in ("money-map.md", "money-map.svg"):
        assert (tmp_path / name).read_text() == (COMMITTED / name).read_text(), "run tranche ledger map"


def test_the_page_has_every_account_flow_and_row() -> None:
    text = money_map_page(money_map())

    assert all(f"`{kind.pattern}`" in text for kind in money_map().chart)
    assert all(f"\n### {flow.flow} {flow.title}\n" in text for flow in money_map().flows.values())
    assert all(f"\n### {row.row} {row.title}\n" in text for row in money_map().rows.values())


def test_the_picture_is_a_drawing_of_every_flow_that_moves_money() -> None:
    words = {word.strip() for word in ET.parse(COMMITTED / "money-map.svg").getroot().itertext()}

    assert {flow.flow for flow in money_map().flows.values() if flow.steps} <= words
    assert {short(kind.pattern) for kind in money_map().chart} <= words


@pytest.mark.parametrize("flow", sorted(flow.flow for flow in money_map().flows.values() if flow.steps))
def test_every_example_of_the_page_is_a_journal_of_its_flow(flow: str) -> None:
    template = money_map().flow(flow)
    for example in template.examples:
        amounts = {name: euros(text[4:]) if text[:3] == "EUR" else pounds(text) for name, text in example.items()}

        admit(a_journal(flow, amounts=amounts), held=template.pending, posts_hold=template.posts is not None)
