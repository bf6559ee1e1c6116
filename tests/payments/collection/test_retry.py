from datetime import date
from pathlib import Path

import pytest

from payments.collection.retry import DEFAULT_POLICY, CameBack, RetryPolicyFault, Stop, TryAgain, load_policy, next_step
from payments.provider.charge import ChargeRefusalCode

POLICY = load_policy()
TUESDAY = date(2026, 3, 3)


def test_money_may_come_so_the_first_refusal_for_funds_is_tried_again_after_the_gap() -> None:
    assert next_step(POLICY, ChargeRefusalCode.INSUFFICIENT_FUNDS, 1, TUESDAY) == TryAgain(date(2026, 3, 6), "retry-1")


def test_after_the_second_refusal_for_funds_nothing_more_is_asked() -> None:
    step = next_step(POLICY, ChargeRefusalCode.INSUFFICIENT_FUNDS, 2, TUESDAY)

    assert isinstance(step, Stop)
    assert not step.needs_person


@pytest.mark.parametrize(
    "code", sorted(set(ChargeRefusalCode) - {ChargeRefusalCode.INSUFFICIENT_FUNDS, ChargeRefusalCode.LIMIT_EXCEEDED})
)
def test_no_other_refusal_is_ever_retried(code: ChargeRefusalCode) -> None:
    step = next_step(POLICY, code, 1, TUESDAY)

    assert isinstance(step, Stop)
    assert step.needs_person


def test_an_unrecognised_code_stops_and_goes_to_a_person() -> None:
    step = next_step(POLICY, ChargeRefusalCode.UNRECOGNISED, 1, TUESDAY)

    assert step == Stop("unrecognised is not in the policy", needs_person=True, policy_version="retry-1")


def test_what_came_back_is_asked_for_once_more_after_the_gap_and_a_lost_claim_is_for_a_person() -> None:
    assert next_step(POLICY, CameBack.RETURNED, 1, TUESDAY) == TryAgain(date(2026, 3, 6), "retry-1")
    assert isinstance(next_step(POLICY, CameBack.RETURNED, 2, TUESDAY), Stop)
    lost = next_step(POLICY, CameBack.CLAIM_LOST, 1, TUESDAY)
    assert isinstance(lost, Stop)
    assert lost.needs_person


@pytest.mark.parametrize(
    ("before", "now", "entry"),
    [
        pytest.param("most_attempts = 2", "most_attempts = 5", "classes.soft_funds.most_attempts", id="above the cap"),
        pytest.param("gap_days = 3", "gap_days = 0", "classes.soft_funds.gap_days", id="no gap"),
        pytest.param("account_closed =", "account_gone =", "codes.account_gone", id="a code that is not ours"),
        pytest.param('"sensitive"', '"delicate"', "codes.suspected_fraud", id="a class that is not there"),
        pytest.param('returned = "soft_funds"', "", "came_back.returned", id="a way back without a class"),
        pytest.param('returned = "soft_funds"', 'returned = "x"', "came_back.returned", id="a way back to no class"),
        pytest.param("claim_lost =", "claim_won =", "came_back.claim_lost", id="a way back that is none"),
        pytest.param("[codes]", "[codes", "(file)", id="not TOML"),
    ],
)
def test_a_policy_that_cannot_hold_is_refused_when_loaded(tmp_path: Path, before: str, now: str, entry: str) -> None:
    path = tmp_path / "retry.toml"
    path.write_text(DEFAULT_POLICY.read_text().replace(before, now))

    with pytest.raises(RetryPolicyFault) as caught:
        load_policy(path)

    assert str(path) in caught.value.user_message
    assert entry in caught.value.user_message
