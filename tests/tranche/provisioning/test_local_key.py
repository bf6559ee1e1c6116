"""The key of a local runtime: made once, left where only its user reads it, and made anew when it no longer works."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.identity.change_keys import By, end_key
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import LOCAL, identify
from tests.command_line import acts_of
from tranche.fault import RuntimeFault
from tranche.provisioning.postgres import provide_local_principal

NOW = datetime.now(UTC)


def test_it_is_made_once_and_again_when_it_has_ended(
    database_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    file, principals = tmp_path / "key", PostgresPrincipals(connection)

    def provided() -> str:
        provide_local_principal(database_url, file)
        return file.read_text().strip()

    before = {each.key_id for each in principals.keys(LOCAL)}
    first, again = provided(), provided()
    (made,) = [each for each in principals.keys(LOCAL) if each.key_id not in before]
    end_key(made.key_id, By(LOCAL, NOW), ends_at=NOW, principals=principals)
    connection.commit()
    second = provided()

    assert first == again != second
    assert file.stat().st_mode & 0o777 == 0o600
    found = identify(second, principals=principals, at=datetime.now(UTC))
    assert (found.principal_id, found.role, found.merchant_id) == (LOCAL, "owner", None)


def test_a_revoked_local_principal_gets_none(
    database_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    PostgresPrincipals(connection).revoke(LOCAL, NOW)
    connection.commit()

    provide_local_principal(database_url, tmp_path / "key")

    assert not (tmp_path / "key").exists()


def test_the_command_prints_it_or_says_who_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANCHE_VAR", str(tmp_path))
    local = acts_of("local")
    with pytest.raises(RuntimeFault, match="has no key; tranche local up makes one"):
        local(["key"])
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "key").write_text("trk_ours\n")

    assert local(["key"]) == 0

    assert capsys.readouterr().out == "trk_ours\n"
