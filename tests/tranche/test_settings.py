"""Which variables of the local runtime reach a command, and which of the caller's variables are kept."""

from pathlib import Path

from tests.test_conventions import CHECKOUT
from tranche.local.profiles import current
from tranche.settings import Settings, merged

LOCAL = {
    "TRANCHE_DATABASE_URL": "postgresql://local",
    "TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "test",
}


def test_what_is_not_set_comes_from_the_local_runtime() -> None:
    assert merged({}, LOCAL) == LOCAL


def test_what_is_set_is_left_alone() -> None:
    assert "TRANCHE_DATABASE_URL" not in merged({"TRANCHE_DATABASE_URL": "postgresql://mine"}, LOCAL)


def test_a_database_of_the_callers_is_that_of_every_process() -> None:
    environment = LOCAL | {"TRANCHE_PAYMENTS_DATABASE_URL": "postgresql://tranche_payments@local"}

    assert merged({}, environment)["TRANCHE_PAYMENTS_DATABASE_URL"] == "postgresql://tranche_payments@local"
    assert "TRANCHE_PAYMENTS_DATABASE_URL" not in merged({"TRANCHE_DATABASE_URL": "postgresql://mine"}, environment)


def test_real_credentials_are_never_shown_to_the_local_endpoint() -> None:
    assert merged({"AWS_ACCESS_KEY_ID": "AKIAREAL"}, LOCAL)["AWS_ACCESS_KEY_ID"] == "test"


def test_an_endpoint_of_the_callers_keeps_the_callers_credentials() -> None:
    assert "AWS_ACCESS_KEY_ID" not in merged({"TRANCHE_AWS_ENDPOINT": ""}, LOCAL)


def test_loopback_is_not_asked_for_through_a_proxy() -> None:
    added = merged({"http_proxy": "http://proxy:3128", "no_proxy": "intranet"}, LOCAL)

    assert added["no_proxy"] == added["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert "no_proxy" not in merged({}, LOCAL)


def test_var_is_the_checkouts_unless_it_is_said(tmp_path: Path) -> None:
    assert Settings.from_environment({}).local_folder == Path(__file__).resolve().parents[2] / "var" / "local"
    assert Settings.from_environment({"TRANCHE_VAR": str(tmp_path)}).var == tmp_path


def test_what_a_test_runs_finds_no_profile_of_the_checkout() -> None:
    """Its services would be started, and its variables would point every later test at them."""
    assert not Settings.from_environment().var.is_relative_to(CHECKOUT)
    assert current(Settings.from_environment().var) is None
