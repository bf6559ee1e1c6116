"""Principals: who a key stands for, until when, and that the key itself is kept nowhere."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger.identity.authority import AuthorityFault, Right, read_authority
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import LOCAL, Principal, PrincipalFault, add_principal, identify
from ledger.money import Currency, Money
from tests.command_line import acts_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

Connection = psycopg.Connection[Any]

ledger = acts_of("ledger")


def test_a_key_stands_for_its_principal_and_is_kept_only_as_a_hash(connection: Connection) -> None:
    principals = PostgresPrincipals(connection)

    key = add_principal("ann-lee", "servicing", expires_at=None, principals=principals, at=NOON)

    found = identify(key, principals=principals, at=NOON)
    assert (found.principal_id, found.role) == ("ann-lee", "servicing")
    stored = connection.execute("SELECT principals::text FROM ledger.principals principals").fetchall()
    assert not any(key in row or key.removeprefix("trk_") in row for (row,) in stored)
    with pytest.raises(PrincipalFault, match="no principal has this key"):
        identify(key + "x", principals=principals, at=NOON)


@pytest.mark.parametrize(("seconds", "valid"), [(-1, True), (0, False), (1, False)])
def test_a_key_is_valid_until_the_moment_it_expires(connection: Connection, seconds: int, valid: bool) -> None:
    principals = PostgresPrincipals(connection)
    key = add_principal("ann", "servicing", expires_at=NOON, principals=principals, at=NOON - timedelta(days=1))
    at = NOON + timedelta(seconds=seconds)

    if valid:
        assert identify(key, principals=principals, at=at).principal_id == "ann"
    else:
        with pytest.raises(PrincipalFault, match="ann has expired, at 2026-03-02 12:00 UTC"):
            identify(key, principals=principals, at=at)


def test_a_revoked_principal_stays_and_its_id_is_not_used_again(connection: Connection) -> None:
    principals = PostgresPrincipals(connection)
    key = add_principal("ann", "servicing", expires_at=None, principals=principals, at=NOON)

    assert principals.revoke("ann", NOON)
    assert not principals.revoke("ann", NOON + timedelta(days=1))

    with pytest.raises(PrincipalFault, match="revoked"):
        identify(key, principals=principals, at=NOON)
    with pytest.raises(PrincipalFault, match="there is a principal ann already"):
        add_principal("ann", "owner", expires_at=None, principals=principals, at=NOON)
    assert [each.principal_id for each in principals.listed() if each.revoked_at] == ["ann"]


@pytest.mark.parametrize("principal_id", ["", "Ann", "a.b", "a b", "-a", "a" * 41])
def test_an_id_of_a_principal_is_small_letters_digits_and_hyphens(connection: Connection, principal_id: str) -> None:
    with pytest.raises(PrincipalFault, match="small letters"):
        add_principal(principal_id, "owner", expires_at=None, principals=PostgresPrincipals(connection), at=NOON)


def test_only_a_local_runtime_is_worked_on_without_a_key(connection: Connection) -> None:
    principals = PostgresPrincipals(connection)
    assert identify(None, principals=principals, at=datetime.now(UTC)) == principals.by_id(LOCAL)

    principals.revoke(LOCAL, NOON)

    with pytest.raises(PrincipalFault, match="revoked"):
        identify(None, principals=principals, at=datetime.now(UTC))


def test_a_database_of_its_own_has_no_principal_without_a_key(connection: Connection) -> None:
    connection.execute("SET session_replication_role = replica")  # as if the local runtime had not added one
    connection.execute("DELETE FROM ledger.principals")

    with pytest.raises(PrincipalFault, match="set TRANCHE_KEY"):
        identify(None, principals=PostgresPrincipals(connection), at=NOON)


def test_a_principal_never_changes(connection: Connection) -> None:
    PostgresPrincipals(connection).add(Principal("ann", "agent", NOON), None)

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added to"):
        connection.execute("UPDATE ledger.principals SET role = 'owner'")


def test_the_commands_add_list_and_revoke(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)

    assert ledger(["add-principal", "ann", "--role", "servicing", "--expires", "2999-01-01"]) == 0
    added = capsys.readouterr().out
    key = added.split("TRANCHE_KEY=")[1].split()[0]
    assert ledger(["principals"]) == 0
    listed = capsys.readouterr().out
    assert "ann  servicing  expires 2999-01-01" in listed
    assert key not in listed
    assert ledger(["revoke-principal", "ann"]) == 0
    assert ledger(["revoke-principal", "ann"]) == 0
    assert "revoked before" in capsys.readouterr().out
    with pytest.raises(PrincipalFault, match="'boss' is no role of the authority file"):
        ledger(["add-principal", "bob", "--role", "boss"])
    with pytest.raises(PrincipalFault, match="there is no principal bob"):
        ledger(["revoke-principal", "bob"])


def test_a_limit_holds_in_the_currencies_that_it_names() -> None:
    authority = read_authority('[roles.a]\nmeaning = "x"\nacts = ["goodwill"]\nlimit = { GBP = "10.00" }')
    does = authority.role("a").does

    assert does.covers(Money(10_00, Currency.GBP))
    assert not does.covers(Money(10_01, Currency.GBP))
    assert not does.covers(Money(1, Currency.EUR))
    assert does.covers(None)
    assert does.names("goodwill")
    assert not does.names("refund")
    assert not authority.role("b").does.names("goodwill")


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("[rules.a]", "expected the tables purposes and roles"),
        ('[roles.a]\nreads_for = ["fun"]', "role a: reads_for: fun is none of"),
        ('[roles.a]\nmight = ["x"]', "role a: might is no key"),
        ('[roles.a]\nlimit = { GBP = "1.005" }', "role a: limit"),
        ('[roles.a]\nlimit = { XXX = "1.00" }', "role a: limit"),
        ("[roles.a]\napproves_limit = { GBP = 5 }", "role a: approves_limit"),
    ],
)
def test_an_authority_file_that_cannot_be_read_names_the_role_and_the_field(text: str, trouble: str) -> None:
    with pytest.raises(AuthorityFault, match=trouble):
        read_authority(text)


@pytest.mark.parametrize(
    ("text", "trouble"), [('may = ["rule"]', "role a: may: rule is none of decide, accept"), ('may = ["*"]', None)]
)
def test_a_right_is_one_that_there_is(text: str, trouble: str | None) -> None:
    if trouble is None:
        assert read_authority(f"[roles.a]\n{text}").role("a").may == frozenset(Right)
        return
    with pytest.raises(AuthorityFault, match=trouble):
        read_authority(f"[roles.a]\n{text}")
