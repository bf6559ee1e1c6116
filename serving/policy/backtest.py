"""Act: decide past orders again under another policy or model, and compare: who is swapped in, out, and at what loss.

The live engine decides, on each record's own evidence and exposure. What a different decision would have changed later,
such as the exposure of the next order, is not played on; nor is what a shopper would have done with another offer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from ledger.money import Currency, Money
from lending.decision.record import Inputs, StoredDecision, inputs_from_text
from lending.terms.policy import Policies, Policy
from models.artefact import Model
from serving.replay import Models, decide_again

APPROVED = frozenset({"approved", "approved_reduced"})


@dataclass(frozen=True, slots=True)
class DecidedDays:
    """Decisions from the first day to the last, both included, in UTC."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Realised:
    """What became of a plan so far: `lost` is its open principal if it is in default, else nothing."""

    in_default: bool
    lost: Money


@dataclass(frozen=True, slots=True)
class Redecided:
    """One order with its decision then and under the other policy. `probability` is the new one of default."""

    decision_id: str
    requested: Money
    before: str
    after: str
    approved_before: Money
    approved_after: Money
    probability: float | None
    reasons_before: tuple[str, ...]
    reasons_after: tuple[str, ...]
    realised: Realised | None

    @property
    def swap(self) -> str:
        """Which set of the swap the order is in."""
        then, now = self.before in APPROVED, self.after in APPROVED
        return {(True, True): "kept", (False, True): "in", (True, False): "out", (False, False): "refused"}[then, now]


@dataclass(frozen=True, slots=True)
class LossBounds:
    """A loss of a set, in one currency: what is known, what the model expects, and the least and the most it can be."""

    realised: Money
    expected: Money
    least: Money
    most: Money


@dataclass(frozen=True, slots=True)
class SwapSet:
    """One set of the swap: its orders, what was or would be lent, and the loss on it."""

    name: str
    orders: int
    lent_before: Money
    lent_after: Money
    loss: LossBounds


@dataclass(frozen=True, slots=True)
class Backtest:
    """A policy against the decisions of a period. `matrix` counts orders by their outcomes before and after."""

    policy: Policy
    period: DecidedDays
    decisions: int
    skipped: int
    matrix: Mapping[tuple[str, str], int]
    sets: tuple[SwapSet, ...]
    changed: tuple[Redecided, ...]
    approved_before: int = field(default=0)
    approved_after: int = field(default=0)


def backtest(
    stored: Iterable[StoredDecision],
    policy: Policy,
    *,
    period: DecidedDays,
    models: Models,
    realised: Mapping[str, Realised],
    loss_share: float,
    model: Model | None = None,
) -> Backtest:
    """Decide the orders of the policy's currency and products again, but not what people reviewed.

    `model` scores instead of each record's own.

    `realised` is by decision; `loss_share` of what is lent is lost when an order defaults, from 0 to 1. Raises
    `ArtefactFault` for a model that is gone.
    """
    fitting, skipped = list[Redecided](), 0
    for each in stored:
        if each.decided_at.date() not in period:
            continue
        inputs = inputs_from_text(each.inputs)
        order = each.order
        if (
            inputs.review is not None
            or order.amount.currency is not policy.currency
            or order.product not in policy.products
        ):
            skipped += 1
            continue
        asked = _Asked(each, inputs, realised.get(each.decision_id))
        fitting.append(_again(asked, policy, model or models.find(inputs.model.digest)))
    return Backtest(
        policy=policy,
        period=period,
        decisions=len(fitting),
        skipped=skipped,
        matrix=Counter((each.before, each.after) for each in fitting),
        sets=tuple(_sets(fitting, policy.currency, loss_share)),
        changed=tuple(each for each in fitting if _differs(each)),
        approved_before=sum(each.before in APPROVED for each in fitting),
        approved_after=sum(each.after in APPROVED for each in fitting),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One order with its record and what became of it."""

    stored: StoredDecision
    inputs: Inputs
    realised: Realised | None


def _again(asked: _Asked, policy: Policy, model: Model) -> Redecided:
    stored = asked.stored
    decision = decide_again(replace(asked.inputs, alternatives=()), model, policy, Policies([policy]))
    assert decision is not None, "only a review can be refused"
    nothing = Money(0, stored.order.amount.currency)
    score = decision.tree["score"]
    return Redecided(
        decision_id=stored.decision_id,
        requested=stored.order.amount,
        before=stored.outcome,
        after=decision.outcome,
        approved_before=nothing if stored.offer is None else stored.offer.amount,
        approved_after=nothing if decision.offer is None else decision.offer.amount,
        probability=None if score is None else score["default_probability"],
        reasons_before=_codes(stored),
        reasons_after=_codes(decision),
        realised=asked.realised,
    )


def _codes(decision: StoredDecision) -> tuple[str, ...]:
    return tuple(reason["code"] for reason in decision.tree["reasons"])


def _differs(each: Redecided) -> bool:
    return each.before != each.after or each.approved_before != each.approved_after


def _sets(orders: Iterable[Redecided], currency: Currency, loss_share: float) -> Iterator[SwapSet]:
    nothing = Money(0, currency)
    known = list(orders)
    for name in ("kept", "in", "out", "refused"):
        members = [each for each in known if each.swap == name]
        yield SwapSet(
            name,
            len(members),
            sum((each.approved_before for each in members), nothing),
            sum((each.approved_after for each in members), nothing),
            _loss(members, nothing, loss_share),
        )


def _loss(members: Iterable[Redecided], nothing: Money, share: float) -> LossBounds:
    """The loss on what the new policy would lend; of those it would not lend to, on what was lent.

    Known where an order became a plan: what is lost of it so far. Where nobody knows, between nothing and the share of
    all that would be lent, and by the model its probability of that.
    """
    realised = expected = least = most = nothing
    for each in members:
        lent = each.approved_after if each.after in APPROVED else each.approved_before
        worst = _part(lent, share)
        expected += _part(worst, each.probability or 0.0)
        if each.realised is None:
            most += worst
            continue
        lost = each.realised.lost
        realised, least, most = realised + lost, least + lost, most + max(lost, worst)
    return LossBounds(realised, expected, least, most)


def _part(amount: Money, share: float) -> Money:
    """A share of an amount, to the nearest unit; an estimate, never booked."""
    return Money(round(amount.minor * share), amount.currency)
