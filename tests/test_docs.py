"""Documents tell the truth: each setting, command, target, dependency, link and document that is named exists."""

import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from tests.test_conventions import CHECKOUT, PACKAGES
from tranche.acts import acts

# The kinds of text file in which a document or a decision may be named.
WRITTEN = {".md", ".py", ".sql", ".toml", ".yaml", ".sh", ".txt"}
SETTING = re.compile(r"\bTRANCHE_[A-Z]+(?:_[A-Z]+)*\b")
LINK = re.compile(r"\[[^\]]*\]\((?!https?://|mailto:|#)([^)#\s]+)")
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"(?:^|\$ |&& |/)tranche ([a-z]\S*)(?: ([a-z][a-z-]*))?", re.MULTILINE)
DOCUMENT = re.compile(r"[\w./-]*\w\.md\b")
# Pages that a test writes into a folder of its own.
MADE_BY_TESTS = {"letter.md", "parcel.md"}
DECISION = re.compile(r"\bdecisions?[ /](\d{4})\b")
STATUS = re.compile(r"accepted(?:; .+)?|superseded by .+")
INDEXED = re.compile(r"^\| (\d{4}) \| \[(.+)\]\((\S+)\) \| (.+) \| (\d{4}-\d\d-\d\d) \|$", re.MULTILINE)
TARGET = re.compile(r"(?:^|\$ |&& )make ([a-z][a-z-]*)", re.MULTILINE)


def test_every_setting_that_code_reads_is_in_the_table() -> None:
    read = {name for path in _code() for name in re.findall(r'"(TRANCHE_[A-Z_]+[A-Z])"', path.read_text())}

    assert sorted(read - _documented_settings()) == []


def test_every_setting_in_the_table_is_read_somewhere() -> None:
    read = {name for path in _code() for name in SETTING.findall(path.read_text())}
    for file in ("conftest.py", "soak.py", "features/test_feast_export.py"):
        read |= set(SETTING.findall((CHECKOUT / "tests" / file).read_text()))

    assert sorted(_documented_settings() - read) == []


def test_every_setting_a_document_names_is_in_the_table() -> None:
    named = {(path.name, name) for path in _documents() for name in SETTING.findall(path.read_text())}

    assert sorted((path, name) for path, name in named if name not in _documented_settings()) == []


def test_every_command_a_document_names_exists() -> None:
    assert [
        f"{path.name}: tranche {stage} {act}".rstrip()
        for path in _documents()
        for code in _code_in(path.read_text())
        for stage, act in COMMAND.findall(code)
        if not _exists(stage, act)
    ] == []


def test_every_make_target_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))

    assert [
        f"{path.name}: make {target}"
        for path in _documents()
        for code in _code_in(path.read_text())
        for target in TARGET.findall(code)
        if target not in targets
    ] == []


def test_every_link_to_a_file_leads_somewhere() -> None:
    assert [
        f"{path.relative_to(CHECKOUT)}: {target}"
        for path in _documents()
        for target in LINK.findall(path.read_text())
        if not (path.parent / target).exists()
    ] == []


def test_every_document_that_a_file_names_is_in_the_repository() -> None:
    names = {path.name for path in (*_documents(), *(CHECKOUT / "tests").rglob("*.md"))} | MADE_BY_TESTS

    assert [
        f"{path.relative_to(CHECKOUT)}: {named}"
        for path in _texts()
        for named in DOCUMENT.findall(path.read_text())
        if not ((path.parent / named).exists() or (CHECKOUT / named).exists() or named in names)
    ] == []


def test_every_decision_that_a_file_names_is_in_the_index() -> None:
    indexed = {number for number, *_ in _index()}

    assert [
        f"{path.relative_to(CHECKOUT)}: decision {number}"
        for path in _texts()
        for number in DECISION.findall(path.read_text())
        if number not in indexed
    ] == []


def test_every_decision_begins_with_its_title_status_and_date() -> None:
    for path in _decisions():
        title, blank, status, dated, end, *_ = path.read_text().splitlines()

        assert title.startswith("# "), path.name
        assert (blank, end) == ("", ""), path.name
        assert STATUS.fullmatch(status.removeprefix("- Status: ")), f"{path.name}: {status}"
        assert date.fromisoformat(dated.removeprefix("- Date: ")), f"{path.name}: {dated}"


def test_the_index_has_each_decision_with_its_title_status_and_date() -> None:
    heads = {path.name: path.read_text().splitlines()[:4] for path in _decisions()}
    listed = {
        file: [f"# {title}", "", f"- Status: {status}", f"- Date: {dated}"]
        for _, title, file, status, dated in _index()
        if status != "moved to reference"
    }

    assert listed == heads
    assert all(file.startswith(number) for number, _, file, status, _ in _index() if file in heads)


def test_no_number_of_a_decision_is_missing_or_given_twice() -> None:
    assert [number for number, *_ in _index()] == [f"{number:04}" for number in range(1, len(_index()) + 1)]


def test_every_direct_dependency_has_its_reason_and_its_extras() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    brought: dict[str, list[str]] = {}
    for extra, asked in {"core": project["dependencies"], **project["optional-dependencies"]}.items():
        for each in asked:
            brought.setdefault(re.split(r"[\[<>=!~ ;]", each)[0], []).append(extra)
    page = (CHECKOUT / "docs" / "dependencies.md").read_text()
    reasoned = {
        name: extras.split(", ") for name, extras in re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|", page, re.MULTILINE)
    }

    assert {
        name: extras for name, extras in reasoned.items() if name not in ("dependency", "extra", "artefact")
    } == brought


def test_every_lock_names_the_versions_of_the_whole() -> None:
    def pinned(lock: Path) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", lock.read_text(), re.MULTILINE))

    locks = {path.stem: pinned(path) for path in (CHECKOUT / "locks").glob("*.lock")}
    product = pinned(CHECKOUT / "requirements.lock")
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]

    assert locks.keys() == project["optional-dependencies"].keys()
    assert set().union(*(names for extra, names in locks.items() if extra != "dev")) == product
    assert not locks["dev"] & product


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`tranche ledger verify`", [("ledger", "verify")]),
        ("run `tranche serve` now", [("serve", "")]),
        ("```\n$ tranche local up --json\n```", [("local", "up")]),
        ("the tranche ledger is a word", []),
    ],
)
def test_what_counts_as_a_command(text: str, found: list[tuple[str, str]]) -> None:
    assert [each for code in _code_in(text) for each in COMMAND.findall(code)] == found


def test_a_command_that_is_not_there_is_noticed() -> None:
    assert _exists("local", "up")
    assert not _exists("local", "sideways")
    assert not _exists("ledgers", "verify")


def _exists(stage_name: str, act: str) -> bool:
    known = acts().get(stage_name)
    return known is not None and (not act or not known or act in known)


def _code_in(text: str) -> list[str]:
    return [block or span for block, span in CODE.findall(text)]


def _code() -> list[Path]:
    return [path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py")]


@cache
def _documents() -> tuple[Path, ...]:
    return (*sorted(CHECKOUT.glob("*.md")), *sorted((CHECKOUT / "docs").rglob("*.md")))


@cache
def _texts() -> tuple[Path, ...]:
    """Every text file of the repository that people read or write."""
    folders = (*PACKAGES, "dags", "notebooks", "benchmarks", "infra", "tests")
    found = (path for folder in folders for path in (CHECKOUT / folder).rglob("*") if path.suffix in WRITTEN)
    return (*_documents(), CHECKOUT / "Makefile", CHECKOUT / "pyproject.toml", *sorted(found))


def _decisions() -> list[Path]:
    return sorted((CHECKOUT / "docs" / "decisions").glob("[0-9]*.md"))


def _index() -> list[tuple[str, ...]]:
    return INDEXED.findall((CHECKOUT / "docs" / "decisions" / "README.md").read_text())


@cache
def _documented_settings() -> frozenset[str]:
    table = (CHECKOUT / "docs" / "settings.md").read_text()
    return frozenset(re.findall(r"^\| `(TRANCHE_[A-Z_]+)` \|", table, re.MULTILINE))
