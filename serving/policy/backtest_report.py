"""A back-test as plain values, and as lines for a terminal."""

from collections.abc import Iterator
from typing import Any

from serving.policy.backtest import Backtest, Redecided, SwapSet

SETS = {
    "kept": "approved before and after",
    "in": "swapped in: approved only now",
    "out": "swapped out: approved only before",
    "refused": "refused or referred before and after",
}
LIMITS = (
    "Each order is decided on its own record: its evidence and exposure of then.",
    "What another decision would have changed later is not played on.",
    "The loss of orders that were never lent to is unknown: it lies between nothing and the share of all that is lent.",
    "The model's figure is its expectation of that loss.",
)


def backtest_tree(found: Backtest) -> dict[str, Any]:
    """The back-test as JSON; amounts are texts with their currency."""
    return {
        "policy": {"policy_id": found.policy.policy_id, "version": found.policy.version, "digest": found.policy.digest},
        "from": found.period.first.isoformat(),
        "to": found.period.last.isoformat(),
        "decisions": found.decisions,
        "of_other_scope": found.skipped,
        "approved": {"before": found.approved_before, "after": found.approved_after},
        "matrix": [
            {"before": before, "after": after, "orders": orders}
            for (before, after), orders in sorted(found.matrix.items())
        ],
        "sets": [_set_tree(each) for each in found.sets],
        "changed": [changed_tree(each) for each in found.changed],
        "limits": list(LIMITS),
    }


def changed_tree(each: Redecided) -> dict[str, Any]:
    """One order whose decision is another."""
    return {
        "decision_id": each.decision_id,
        "requested": str(each.requested),
        "before": each.before,
        "after": each.after,
        "approved_before": str(each.approved_before),
        "approved_after": str(each.approved_after),
        "reasons_before": " ".join(each.reasons_before),
        "reasons_after": " ".join(each.reasons_after),
        "in_default": None if each.realised is None else each.realised.in_default,
    }


def backtest_lines(found: Backtest) -> Iterator[str]:
    """What a person reads first."""
    policy = found.policy
    yield f"{policy.policy_id} {policy.version} against {found.decisions} decisions, {span(found)}"
    yield f"approved   {approval(found.approved_before, found)} then, {approval(found.approved_after, found)} under it"
    for each in found.sets:
        if each.orders:
            loss = each.loss
            yield (
                f"{SETS[each.name]}: {each.orders}, lent {each.lent_before} then and {each.lent_after} under it;"
                f" loss {loss.realised} so far, {loss.expected} expected, from {loss.least} to {loss.most}"
            )
    yield f"{len(found.changed)} orders are decided otherwise"


def _set_tree(each: SwapSet) -> dict[str, Any]:
    loss = each.loss
    return {
        "set": each.name,
        "orders": each.orders,
        "lent_before": str(each.lent_before),
        "lent_after": str(each.lent_after),
        "loss": {name: str(getattr(loss, name)) for name in ("realised", "expected", "least", "most")},
    }


def span(found: Backtest) -> str:
    """The period in words."""
    return f"from {found.period.first} to {found.period.last}"


def approval(orders: int, found: Backtest) -> str:
    """A number of approvals with its share of the decisions."""
    return f"{orders} ({100 * orders / found.decisions:.1f} %)" if found.decisions else "none"
