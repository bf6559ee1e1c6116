"""Groups contributions of features into the reasons given to a shopper, ranked and limited in number.

A contribution is in log-odds of default relative to the reference population of the model, so the weight of a reason is
exactly what its features added to the applicant's risk.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MOST_REASONS = 4  # more than four rarely help the person who reads them


class NoWording(ValueError):
    """Raised when a feature of the model does not have exactly one reason, so that a decline could not be explained."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A consumer reason: its code, its text, and the features it stands for."""

    code: str
    text: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RiskReason:
    """A reason why the risk is above that of the reference population.

    `contribution` is in log-odds and positive; `features` are those of the reason that raised the risk, largest first.
    """

    code: str
    text: str
    contribution: float
    features: tuple[str, ...]


def rank(
    contributions: Mapping[str, float], wording: Iterable[Wording], limit: int = MOST_REASONS
) -> tuple[RiskReason, ...]:
    """The reasons that raised the risk, largest contribution first, at most `limit`; ties are ordered by code.

    >>> low, cash = Wording("R01", "Low balance", ("low",)), Wording("R02", "Much cash", ("cash", "share"))
    >>> [reason.code for reason in rank({"low": 0.2, "cash": 0.4, "share": -0.1}, [low, cash])]
    ['R02', 'R01']
    """
    reasons = (_reason(words, contributions) for words in wording)
    raising = [reason for reason in reasons if reason.contribution > 0]
    return tuple(sorted(raising, key=lambda reason: (-reason.contribution, reason.code))[:limit])


def _reason(words: Wording, contributions: Mapping[str, float]) -> RiskReason:
    own = {name: contributions[name] for name in words.features if name in contributions}
    raising = sorted((name for name in own if own[name] > 0), key=lambda name: (-own[name], name))
    return RiskReason(words.code, words.text, sum(own.values()), tuple(raising))


def check_wording(wording: Iterable[Wording], feature_names: Iterable[str]) -> None:
    """Raise `NoWording` unless every feature has exactly one reason; names those that do not."""
    named = [name for words in wording for name in words.features]
    wrong = sorted(name for name in feature_names if named.count(name) != 1)
    if wrong:
        raise NoWording(f"each feature needs exactly one reason in models/wording.toml: {', '.join(wrong)}")
