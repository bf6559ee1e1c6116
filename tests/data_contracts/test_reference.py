"""The reference pages are what the contracts say."""

from __future__ import annotations

from pathlib import Path

from data_contracts.reference import INDEX, pages, write_pages
from tests.data_contracts.contract_folder import a_contract_folder
from tests.test_conventions import CHECKOUT

WRITTEN = CHECKOUT / "docs" / "reference" / "contracts"


def test_the_written_pages_are_those_of_the_contracts() -> None:
    """Write them again with `tranche contracts page`."""
    assert {file.name: file.read_text(encoding="utf-8") for file in WRITTEN.glob("*.md")} == pages()


def test_a_page_tells_terms_columns_and_rules(tmp_path: Path) -> None:
    text = pages(a_contract_folder(tmp_path))["parcel.md"]

    for line in (
        "# parcel 1.0.0",
        "| owner | lake |",
        "| event type | `parcel.v1` |",
        "| table | `raw.parcels` → `curated.parcels` |",
        "| whose data | `shopper_id` |",
        "| may be used in GB for | reporting |",
        "| kept for | 7 y |",
        "| consumers | pipelines.curate (takes new values), the courier (takes new values) |",
        "| 4 | `carrier` | string |  | Who brings it. One of `post`, `bike`. |  |",
        "| `fee_minor.maximum` | is at most `1000` |",
        "| `came_on.not_before` | is not before `sent_on` |",
        "| `is_not_empty` | The table holds rows. |",
    ):
        assert line in text.splitlines(), line


def test_a_long_list_of_words_is_shown_by_its_number_and_ends() -> None:
    assert "One of 165 words, from `AED` to `ZWG`." in pages()["plan_event.md"]


def test_pages_of_contracts_that_are_gone_are_removed(tmp_path: Path) -> None:
    folder = a_contract_folder(tmp_path / "contracts")
    (tmp_path / "letter.md").write_text("# letter")

    assert write_pages(tmp_path, folder) == 2
    assert sorted(file.name for file in tmp_path.glob("*.md")) == [INDEX, "parcel.md"]
    assert "[parcel](parcel.md)" in (tmp_path / INDEX).read_text()
