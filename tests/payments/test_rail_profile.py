from pathlib import Path

import pytest

from ledger.map.flows import money_map
from payments.break_class import BreakClass
from payments.rail_profile import BREAKS, RAILS, RailProfileFault, load_profile


def test_every_class_of_break_has_an_owner_a_severity_and_a_due_time() -> None:
    profile = load_profile()

    assert set(profile.treatments) == set(BreakClass)
    assert all(each.owner and each.severity and each.days > 0 for each in profile.treatments.values())


def test_the_names_of_the_profile_make_accounts_of_the_chart() -> None:
    profile = load_profile()
    rail = profile.card

    for account in (
        f"bank:{rail.bank}",
        f"provider:{rail.provider}:clearing",
        f"rail:{rail.rail}:{rail.provider}:in_flight",
    ):
        assert money_map().account_type(account)


@pytest.mark.parametrize(
    ("file", "before", "now", "entry"),
    [
        pytest.param("rails", "line_days = 3", "", "line_days", id="a lag is missing"),
        pytest.param("rails", '["main"]', '["other"]', "bank_accounts", id="a bank account is used and not listed"),
        pytest.param("breaks", "[E7]", "[E99]", "E99", id="no such class"),
        pytest.param("breaks", "[E26]", "[E26", "(file)", id="not TOML"),
        pytest.param("breaks", 'severity = "low"\n', "", "severity", id="a class without severity"),
    ],
)
def test_a_profile_that_cannot_hold_is_refused_by_its_entry(
    tmp_path: Path, file: str, before: str, now: str, entry: str
) -> None:
    rails, breaks = tmp_path / "rails.toml", tmp_path / "breaks.toml"
    rails.write_text(RAILS.read_text())
    breaks.write_text(BREAKS.read_text())
    changed = rails if file == "rails" else breaks
    changed.write_text(changed.read_text().replace(before, now, 1))

    with pytest.raises(RailProfileFault) as caught:
        load_profile(rails, breaks)

    assert entry in caught.value.user_message
    assert str(changed) in caught.value.user_message
