"""The states of an expectation and the steps between them: the one table, which the database holds too.

`payments/schema/010_sources_and_states.sql` has the same rows in `payments.expectation_steps`, and refuses any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from payments.break_class import BreakClass
from payments.expectation_key import ExpectationKey


class ExpectationState(StrEnum):
    """Where an expectation stands; see docs/reference/break-classes.md."""

    EXPECTED = "expected"  # one side was seen, the other is awaited in time
    POSTED = "posted"  # the other side was seen and booked, the match is not confirmed
    POSTED_MANUALLY = "posted_manually"  # the same, booked by a person
    MATCHED_AUTOMATIC = "matched_automatic"
    MATCHED_MANUAL = "matched_manual"  # by a person
    MATCHED_FORCED = "matched_forced"  # by two people, against what the rules say
    MATCHED_WITH_TOLERANCE = "matched_with_tolerance"
    OVER_AMOUNT = "over_amount_mismatch"
    UNDER_AMOUNT = "under_amount_mismatch"
    PARTIALLY_RECONCILED = "partially_reconciled"  # a part has come
    MISSING = "missing"  # not shown by its due-by day
    DATA_MISMATCH = "data_mismatch"  # ours and theirs contradict each other
    CURRENCY_MISMATCH = "currency_mismatch"
    SPLIT_MISMATCH = "split_mismatch"  # a sum that names it does not add up
    WRITTEN_OFF = "written_off"  # by a journal
    REVERSED = "reversed"  # what was expected never happened, and its booking was reversed
    ARCHIVED = "archived"  # closed with its period
    VOID = "void"  # withdrawn with a reason, or un-matched

    @property
    def is_matched(self) -> bool:
        """Whether a group closed it."""
        return self.value.startswith("matched_")


_S = ExpectationState
MATCHED = frozenset(state for state in ExpectationState if state.is_matched)
_OPEN = frozenset(
    {_S.EXPECTED, _S.POSTED, _S.POSTED_MANUALLY, _S.OVER_AMOUNT, _S.UNDER_AMOUNT, _S.PARTIALLY_RECONCILED, _S.MISSING,
     _S.DATA_MISMATCH, _S.CURRENCY_MISMATCH, _S.SPLIT_MISMATCH}
)  # fmt: skip
_ENDED_BY_A_JOURNAL = frozenset({_S.WRITTEN_OFF, _S.REVERSED})

STEPS: Mapping[ExpectationState, frozenset[ExpectationState]] = {
    **{
        # What is open may be found to be anything else, matched, or withdrawn; but it is never just expected again.
        state: (_OPEN | MATCHED | {_S.VOID} | _ENDED_BY_A_JOURNAL) - {state, _S.EXPECTED}
        for state in _OPEN - {_S.EXPECTED}
    },
    # What is expected and neither late nor seen can be neither written off nor reversed.
    _S.EXPECTED: (_OPEN | MATCHED | {_S.VOID}) - {_S.EXPECTED},
    **{state: frozenset({_S.VOID, _S.ARCHIVED}) for state in MATCHED},
    **{state: frozenset({_S.ARCHIVED}) for state in _ENDED_BY_A_JOURNAL},
    _S.VOID: frozenset({_S.EXPECTED, _S.ARCHIVED}),  # un-matched: the exact prior state, awaited once more
    _S.ARCHIVED: frozenset(),
}
"""From each state, the states that may follow it."""


@dataclass(frozen=True, slots=True)
class Move:
    """An expectation comes into a state by a rule, such as the class of a break, for a reason."""

    key: ExpectationKey
    state: ExpectationState
    rule: str
    reason: str


def may_follow(state: ExpectationState, after: ExpectationState) -> bool:
    """Whether an expectation in state `after` may come into `state`.

    >>> may_follow(ExpectationState.MISSING, ExpectationState.EXPECTED)
    True
    >>> may_follow(ExpectationState.EXPECTED, ExpectationState.MISSING)
    False
    """
    return state in STEPS[after]


def state_by_break(broken: BreakClass, *, over: bool = False) -> ExpectationState | None:
    """The state into which a break brings an expectation that it is about; None if it leaves it as it is.

    `over`: whether more came than was expected, for a break of the amount.
    """
    if broken is BreakClass.AMOUNT_DIFFERS:
        return _S.OVER_AMOUNT if over else _S.UNDER_AMOUNT
    return _BY_BREAK.get(broken)


_BY_BREAK = {
    BreakClass.MISSING_EXTERNAL: _S.MISSING,
    BreakClass.RATE_DIFFERS: _S.CURRENCY_MISMATCH,
    BreakClass.CURRENCY_DIFFERS: _S.CURRENCY_MISMATCH,
    BreakClass.STATUS_CONFLICT: _S.DATA_MISMATCH,
    BreakClass.SPLIT_INCOMPLETE: _S.SPLIT_MISMATCH,
    BreakClass.DAMAGED_REFERENCE: _S.POSTED,
    BreakClass.PARTLY_SETTLED: _S.PARTIALLY_RECONCILED,
}
