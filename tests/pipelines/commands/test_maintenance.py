"""Usage errors that maintenance commands refuse before they access the lake."""

import pytest

from pipelines.upkeep.expiry import NotAnAge
from terminal.environment import SettingFault
from tests.command_line import acts_of

main = acts_of("pipelines")


@pytest.fixture(autouse=True)
def _somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANCHE_AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TRANCHE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    monkeypatch.setenv("TRANCHE_ERASURE_KEY", "")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["maintain", "--older-than", "-1d"], r"--older-than is '-1d', which is no age; for example --older-than 7d"),
        (["maintain", "--orphans-older-than", "soon"], "--orphans-older-than is 'soon'"),
        (["retain", "--as-of", "2026-05-01", "--orphans-older-than", "1"], "--orphans-older-than is '1'"),
    ],
)
def test_an_age_that_is_none_is_named_with_its_option(command: list[str], said: str) -> None:
    with pytest.raises(NotAnAge, match=said):
        main(command)


def test_nobody_is_erased_without_the_key_of_the_record() -> None:
    with pytest.raises(SettingFault, match="TRANCHE_ERASURE_KEY is not set; for example"):
        main(["erase", "--shopper", "7", "--case", "1"])
