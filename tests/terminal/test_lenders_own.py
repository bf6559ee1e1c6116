"""A lender's own files hold instead of the shipped ones, and a missing one is a fault rather than an example."""

from pathlib import Path

import pytest

from terminal.environment import SettingFault
from terminal.lenders_own import lenders_own
from terminal.settings import CONFIG


def test_without_a_folder_the_shipped_file_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "", "  "):
        monkeypatch.delenv(CONFIG, raising=False) if value is None else monkeypatch.setenv(CONFIG, value)
        assert lenders_own("policies", Path("shipped")) == Path("shipped")


def test_with_a_folder_its_own_file_holds_or_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CONFIG, str(tmp_path))
    with pytest.raises(SettingFault, match=r"TRANCHE_CONFIG is .* has no policies"):
        lenders_own("policies", Path("shipped"))
    (tmp_path / "policies").mkdir()
    assert lenders_own("policies", Path("shipped")) == tmp_path / "policies"
