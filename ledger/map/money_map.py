"""The money map: the chart of accounts, the flows over it, and their descriptions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ledger.account import AccountType
from terminal.fault import Fault

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_MOST_KNOWN = 1 << 16
"""Size of the cache from account names to lines of the chart; postings use the same accounts again and again."""


class NotOnTheMap(Fault, LookupError):
    """Raised for a flow, an account, an amount or a name that the money map does not have, or has otherwise."""


@dataclass(frozen=True, slots=True)
class FlowLeg:
    """An account of a step and the amounts whose sum it carries; without amounts, the other side's total.

    `account` may use other placeholders than the chart, for example where two banks meet; `form` is the chart's
    pattern.
    """

    account: str
    form: str
    amounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Debits and credits with the same total."""

    debit: tuple[FlowLeg, ...]
    credit: tuple[FlowLeg, ...]


@dataclass(frozen=True)
class FlowTemplate:
    """A row of the money map: the accounts that one kind of business event moves.

    A `pending` flow is held. A flow with `posts` replaces such a hold, and one with `voids` releases it. A `reversal`
    mirrors another entry of any flow. A `free` flow may use any accounts of the chart and needs two people. `means`,
    `key` and `examples` (amounts as texts) are for the page.
    """

    flow: str
    name: str
    title: str
    part: str
    means: str
    version: int
    steps: tuple[Step, ...]
    key: str = ""
    pending: bool = False
    posts: str | None = None
    voids: str | None = None
    reversal: bool = False
    free: bool = False
    examples: tuple[Mapping[str, str], ...] = ()

    @cached_property
    def amounts(self) -> frozenset[str]:
        return frozenset(name for leg in self.legs for name in leg.amounts)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Every pair of account forms (debit, credit) that a transfer of this flow may have."""
        return frozenset((one.form, other.form) for step in self.steps for one in step.debit for other in step.credit)

    @property
    def legs(self) -> tuple[FlowLeg, ...]:
        return tuple(leg for step in self.steps for leg in (*step.debit, *step.credit))

    def touches(self, form: str) -> bool:
        """Whether a step uses an account of this form."""
        return any(leg.form == form for leg in self.legs)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the map for an event without a journal."""

    row: str
    title: str
    part: str
    means: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """An account whose groups must return to zero, and the flows that open and close them."""

    form: str
    key: str
    owner: str
    sla_days: int
    opened_by: tuple[str, ...]
    closed_by: tuple[str, ...]


@dataclass(frozen=True)
class MoneyMap:
    """The chart of accounts, its clearing accounts and every row; `parts` are the headings of the page, by id."""

    chart: tuple[AccountType, ...]
    clearing: Mapping[str, Clearing]
    flows: Mapping[str, FlowTemplate]
    rows: Mapping[str, Row]
    parts: Mapping[str, str]

    def account_type(self, account: str) -> AccountType:
        """The line of the chart that an account's full name falls under; raises NotOnTheMap."""
        found = self._known.get(account)
        if found is None:
            found = self._find(account)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[account] = found
        return found

    def flow(self, flow: str) -> FlowTemplate:
        if flow not in self.flows:
            raise NotOnTheMap(f"flow {flow!r} is not on the money map; it has {', '.join(sorted(self.flows))}")
        return self.flows[flow]

    def _find(self, account: str) -> AccountType:
        parts = account.split(":")
        for shape in ((parts[0], parts[-1], len(parts)), (parts[0], "", len(parts))):
            for kind in self._by_shape.get(shape, ()):
                if kind.matches(account):
                    return kind
        raise NotOnTheMap(f"account {account!r} is not on the chart of accounts")

    @cached_property
    def _known(self) -> dict[str, AccountType]:
        return {}

    @cached_property
    def _by_shape(self) -> Mapping[tuple[str, str, int], Sequence[AccountType]]:
        """The chart indexed by what all accounts of a form share: first word, last word, and the number of parts."""
        shapes: dict[tuple[str, str, int], list[AccountType]] = {}
        for kind in self.chart:
            parts = kind.pattern.split(":")
            last = "" if PLACEHOLDER.search(parts[-1]) else parts[-1]
            shapes.setdefault((parts[0], last, len(parts)), []).append(kind)
        return shapes
