"""Sources are a policy file, and the table in the database is what that file says."""

from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.money import Currency, Money
from payments.rail_profile import load_profile
from payments.rules.postgres_sources import keep_sources
from payments.rules.source import SOURCES, FileSource, FileSourceFault, FileSources, days_between, load_sources
from payments.rules.tolerance import ToleranceUsed

FRIDAY, SATURDAY, MONDAY = date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 9)


def changed(folder: Path, before: str, now: str) -> FileSources:
    path = folder / "sources.toml"
    assert before in SOURCES.read_text()
    path.write_text(SOURCES.read_text().replace(before, now, 1))
    return load_sources(path)


def provider() -> FileSource:
    return load_sources().provider("sandbox")


def test_every_bank_account_on_the_chart_and_the_rails_provider_are_sources() -> None:
    profile = load_profile()

    assert {*profile.bank_accounts, profile.card.provider} <= set(profile.sources.by_id)


def test_an_account_off_our_chart_is_a_source_of_which_nothing_is_known() -> None:
    source = load_sources().of_account("former")

    assert source.first_number is None
    assert source.tolerated(Money(100, Currency.GBP)).minor == 0


def test_a_weekend_is_one_business_day_with_the_monday_behind_it() -> None:
    assert [days_between(one, MONDAY, provider()) for one in (FRIDAY, SATURDAY, MONDAY)] == [3, 0, 0]


def test_the_table_is_what_the_file_says_and_forgets_what_it_no_longer_says(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    read = "SELECT source_id, kind, names, numbering, first_number, version FROM payments.sources ORDER BY source_id"
    caps = "SELECT source_id, currency, cap_minor FROM payments.source_tolerances ORDER BY currency"
    with connection.transaction(force_rollback=True):
        keep_sources(connection, load_sources())
        keep_sources(connection, load_sources())
        before = connection.execute(read).fetchall(), connection.execute(caps).fetchall()
        other = changed(
            tmp_path, '[main]\nkind = "bank_account"\nnames = []', '[other]\nkind = "bank_account"\nnames = ["X"]'
        )
        keep_sources(connection, other)
        after = connection.execute(read).fetchall()

    assert before[0] == [
        ("main", "bank_account", ["main"], "yearly", None, "sources-1"),
        ("sandbox", "provider", ["sandbox"], "none", None, "sources-1"),
    ]
    assert before[1] == [("sandbox", "EUR", 50), ("sandbox", "GBP", 50)]
    assert [row[0] for row in after] == ["other", "sandbox"]
    assert after[0][2] == ["X", "other"]


def test_a_day_tolerates_no_more_than_its_cap_and_no_currency_without_one() -> None:
    cap, monday = Money(5, Currency.GBP), [(MONDAY, Money(3, Currency.GBP))]
    used = ToleranceUsed.of({Currency.GBP: cap}, monday)
    taken = [used.take(MONDAY, Money(minor, Currency.GBP)) for minor in (-3, 2, 1)]

    assert taken == [False, True, False]
    assert used.take(FRIDAY, Money(-5, Currency.GBP))
    assert not used.take(FRIDAY, Money(1, Currency.EUR))


@pytest.mark.parametrize(
    ("before", "now", "entry"),
    [
        pytest.param('version = "sources-1"', "", "version", id="no version"),
        pytest.param("[main]", "[main", "(file)", id="not TOML"),
        pytest.param('kind = "provider"', 'kind = "shop"', "sandbox.kind", id="no such kind"),
        pytest.param('"GB-ENG"', '"MOON"', "sandbox.calendar", id="no such calendar"),
        pytest.param('"Europe/London"', '"Europe/Atlantis"', "sandbox.zone", id="no such zone"),
        pytest.param('"yearly"', '"monthly"', "main.numbering", id="no such numbering"),
        pytest.param('first_number = "any"', "first_number = -1", "sandbox.first_number", id="no number"),
        pytest.param("basis_points = 1\n", "basis_points = -1\n", "tolerance.GBP", id="a tolerance below zero"),
        pytest.param("empty_statements = true", "", "main.empty_statements", id="an entry is missing"),
        pytest.param("empty_statements = true", "empty_statements = true\nx = 1", "main.x", id="nothing reads it"),
    ],
)
def test_sources_that_cannot_hold_are_refused_by_their_entry(tmp_path: Path, before: str, now: str, entry: str) -> None:
    with pytest.raises(FileSourceFault) as caught:
        changed(tmp_path, before, now)

    assert str(tmp_path / "sources.toml") in caught.value.user_message
    assert entry in caught.value.user_message
