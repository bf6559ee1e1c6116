"""The stories in docs/recipes run, in memory and on PostgreSQL, and print the journals that they show."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.books.postgres_periods import PostgresPeriods
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from lending.servicing.postgres import PostgresPlans
from tests.test_conventions import CHECKOUT

FOLDER = CHECKOUT / "docs" / "recipes"
PAGES = sorted(FOLDER.glob("[0-9]*.md"))
BLOCK = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@each_page
def test_a_story_prints_what_it_shows(page: Path) -> None:
    assert _told(page, _kitchen()) == _shown(page)


@each_page
def test_a_story_is_the_same_in_postgresql(page: Path, connection: psycopg.Connection[Any]) -> None:
    names = _kitchen()
    books = PostgresPeriods(connection)
    names |= {"ledger": books, "plans": PostgresPlans(connection)}

    assert _told(page, names) == _shown(page)
    connection.commit()
    assert books.trial_balance().balanced
    assert verify(PostgresAudit(connection)).faults == ()


def test_there_are_ten_stories_and_the_list_has_them_all() -> None:
    listed = re.findall(r"^\d+\. \[[^\]]+\]\(([^)]+)\)", (FOLDER / "README.md").read_text(), re.MULTILINE)

    assert listed == [page.name for page in PAGES]
    assert len(listed) == 10


def _kitchen() -> dict[str, Any]:
    """The names that the index gives to every page."""
    names: dict[str, Any] = {"__name__": "kitchen"}
    for code, _ in BLOCK.findall((FOLDER / "README.md").read_text()):
        exec(code, names)
    return names


def _told(page: Path, names: dict[str, Any]) -> list[str]:
    """What each block of a page prints."""
    told = []
    for code, _ in BLOCK.findall(page.read_text()):
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, page.name, "exec"), names)
        told.append(printed.getvalue())
    return told


def _shown(page: Path) -> list[str]:
    return [shown for _, shown in BLOCK.findall(page.read_text())]
