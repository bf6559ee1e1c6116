"""Keys of principals: several at a time, replaced with an overlap, ended by whoever may, and all of it on record."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger.identity.authority import authority_file
from ledger.identity.change_keys import By, end_key, key_keeper, make_key, rotate_key
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import PrincipalFault, add_principal, identify
from tests.command_line import acts_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = By("ann", NOON, "a new laptop")

Connection = psycopg.Connection[Any]

ledger = acts_of("ledger")


@pytest.fixture
def principals(connection: Connection) -> PostgresPrincipals:
    return PostgresPrincipals(connection)


@pytest.fixture
def first(principals: PostgresPrincipals) -> str:
    """The first key of ann, who owns the books."""
    return add_principal("ann", "owner", expires_at=None, principals=principals, at=NOON - HOUR)


def works(principals: PostgresPrincipals, key: str, at: datetime) -> bool:
    try:
        return identify(key, principals=principals, at=at).principal_id == "ann"
    except PrincipalFault:
        return False


def test_a_rotated_key_works_until_the_overlap_ends_and_the_new_one_at_once(
    principals: PostgresPrincipals, first: str
) -> None:
    made = rotate_key("ann", ANN, overlap=HOUR, expires_at=None, principals=principals)

    assert [each.key_id for each in made.ending] == ["ann.1"]
    assert (made.key.key_id, works(principals, made.secret, NOON)) == ("ann.2", True)
    second = timedelta(seconds=1)
    around = [NOON, NOON + HOUR - second, NOON + HOUR, NOON + HOUR + second]
    assert [works(principals, first, at) for at in around] == [True, True, False, False]
    assert works(principals, made.secret, NOON + 100 * HOUR)
    with pytest.raises(PrincipalFault, match=r"the key ann\.1 ended at 2026-03-02 13:00 UTC; .*keys add ann"):
        identify(first, principals=principals, at=NOON + HOUR)


def test_of_several_ends_of_a_key_the_earliest_counts(principals: PostgresPrincipals, first: str) -> None:
    assert end_key("ann.1", ANN, ends_at=NOON + 5 * HOUR, principals=principals)
    assert end_key("ann.1", ANN, ends_at=NOON + 2 * HOUR, principals=principals)
    assert not end_key("ann.1", ANN, ends_at=NOON + 3 * HOUR, principals=principals)

    assert [works(principals, first, NOON + hours * HOUR) for hours in (1, 2, 4)] == [True, False, False]


def test_a_key_expires_and_another_of_the_same_principal_does_not(principals: PostgresPrincipals, first: str) -> None:
    other = make_key("ann", ANN, expires_at=NOON + HOUR, principals=principals)

    assert [works(principals, other.secret, at) for at in (NOON, NOON + HOUR)] == [True, False]
    assert works(principals, first, NOON + HOUR)


def test_what_cannot_be_changed_says_why(principals: PostgresPrincipals, first: str) -> None:
    principals.revoke("ann", NOON)

    cases: dict[str, Callable[[], object]] = {
        "ann was revoked or has expired": lambda: make_key("ann", ANN, expires_at=None, principals=principals),
        "there is no principal bob": lambda: make_key("bob", ANN, expires_at=None, principals=principals),
        "there is no key ann.7": lambda: end_key("ann.7", ANN, ends_at=NOON, principals=principals),
        "now or later": lambda: end_key("ann.1", ANN, ends_at=NOON - HOUR, principals=principals),
    }
    for trouble, act in cases.items():
        with pytest.raises(PrincipalFault, match=trouble):
            act()


def test_keys_and_their_ends_never_change(principals: PostgresPrincipals, first: str, connection: Connection) -> None:
    end_key("ann.1", ANN, ends_at=NOON, principals=principals)
    for statement in ("UPDATE ledger.principal_keys SET expires_at = NULL", "DELETE FROM ledger.key_ends"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added to"), connection.transaction():
            connection.execute(statement)


def test_only_a_role_with_the_right_changes_keys_and_the_first_principal_needs_none(
    principals: PostgresPrincipals, connection: Connection
) -> None:
    connection.execute("SET session_replication_role = replica")  # as a database of its own, without `local`
    connection.execute("DELETE FROM ledger.principals")
    authority = authority_file()
    assert key_keeper(None, principals=principals, authority=authority, at=NOON) is None

    bob = add_principal("bob", "servicing", expires_at=None, principals=principals, at=NOON)
    with pytest.raises(PrincipalFault, match="the role servicing of bob may not change principals and keys"):
        key_keeper(bob, principals=principals, authority=authority, at=NOON)
    assert key_keeper(None, principals=principals, authority=authority, at=NOON) is None, "nobody may yet"

    ann = add_principal("ann", "owner", expires_at=None, principals=principals, at=NOON)
    keeper = key_keeper(ann, principals=principals, authority=authority, at=NOON)
    assert keeper is not None
    assert keeper.principal_id == "ann"
    with pytest.raises(PrincipalFault, match="set TRANCHE_KEY"):
        key_keeper(None, principals=principals, authority=authority, at=NOON)


def test_the_commands_lead_a_key_through_its_life_and_keep_who_did_what(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    monkeypatch.delenv("TRANCHE_KEY", raising=False)

    def said(*words: str) -> str:
        assert ledger(list(words)) == 0
        return capsys.readouterr().out

    owner = said("add-principal", "ann", "--role", "owner").split("TRANCHE_KEY=")[1].split()[0]
    monkeypatch.setenv("TRANCHE_KEY", owner)
    said("add-principal", "till", "--role", "checkout", "--merchant", "m-1", "--reason", "a new shop")
    second = said("keys", "rotate", "till", "--overlap", "0", "--reason", "it leaked")
    third = said("keys", "add", "till", "--expires", "2999-01-01")
    assert "till.3 is a key of till" in third
    said("keys", "expire", "till.2", "--on", "2999-01-01")
    said("keys", "revoke", "till.3", "--reason", "not needed")
    assert "nothing changed" in said("keys", "revoke", "till.3")
    listed, told = said("keys", "list", "till"), said("keys", "changes")

    key = second.split("TRANCHE_KEY=")[1].split()[0]
    assert key not in listed + told
    assert [line.split()[:2] for line in listed.splitlines()[:3]] == [
        ["till.1", "ended"],
        ["till.2", "works"],
        ["till.3", "ended"],
    ]
    assert "principal added ann by local" in told
    assert "principal added till by ann: a new shop" in told
    assert "key ended till.1" in told
    assert "by ann: it leaked" in told
    assert "till  checkout  of m-1" in said("principals")
    with pytest.raises(PrincipalFault, match="belongs to a merchant"):
        ledger(["add-principal", "other", "--role", "checkout"])
    monkeypatch.setenv("TRANCHE_KEY", key)
    with pytest.raises(PrincipalFault, match="the role checkout of till may not"):
        ledger(["keys", "add", "ann"])
