"""Contributions become a few ranked reasons."""

import pytest

from models import reasons
from models.reasons import NoWording, Wording

LOW = Wording("R1", "low balance", ("low", "mean"))
DEBT = Wording("R2", "debts", ("debt",))
SHORT = Wording("R3", "short history", ("tenure",))


def test_features_of_one_reason_are_added_and_the_heaviest_reason_comes_first() -> None:
    ranked = reasons.rank({"low": 0.2, "mean": 0.3, "debt": 0.4, "tenure": 0.1}, [DEBT, SHORT, LOW])

    assert [(reason.code, reason.contribution) for reason in ranked] == [("R1", 0.5), ("R2", 0.4), ("R3", 0.1)]
    assert ranked[0].features == ("mean", "low")


def test_what_lowers_the_risk_is_no_reason_and_is_not_named_in_one() -> None:
    ranked = reasons.rank({"low": 0.5, "mean": -0.2, "debt": -0.4, "tenure": 0.0}, [LOW, DEBT, SHORT])

    assert [(reason.code, reason.features) for reason in ranked] == [("R1", ("low",))]
    assert ranked[0].contribution == pytest.approx(0.3)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_reasons_than_the_limit(limit: int) -> None:
    assert len(reasons.rank({"low": 3, "debt": 2, "tenure": 1}, [LOW, DEBT, SHORT], limit)) == limit


def test_at_most_four_reasons_unless_asked() -> None:
    wording = [Wording(f"R{n}", "", (f"f{n}",)) for n in range(9)]
    assert [r.code for r in reasons.rank({f"f{n}": 1.0 for n in range(9)}, wording)] == ["R0", "R1", "R2", "R3"]


def test_a_feature_without_exactly_one_reason_is_named() -> None:
    with pytest.raises(NoWording, match="colour"):
        reasons.check_wording([LOW], ["low", "colour"])
    with pytest.raises(NoWording, match="low"):
        reasons.check_wording([LOW, Wording("R9", "again", ("low",))], ["low"])
    reasons.check_wording([LOW, DEBT], ["low", "mean", "debt"])
