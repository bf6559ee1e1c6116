"""The money map: the chart of accounts, the flows over it, and what each of them means."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ledger.account import AccountType
from terminal.fault import Fault

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_MOST_KNOWN = 1 << 16
"""How many accounts a map remembers the line of; postings ask for the same ones again and again."""


class NotOnTheMap(Fault, LookupError):
    """Raised for a flow, an account, an amount or a name that the money map does not have, or has otherwise."""


@dataclass(frozen=True, slots=True)
class Leg:
    """An account and the amounts whose sum it carries; without any it carries the other side's total.

    `account` may name its parts otherwise than the chart does, as where two banks meet; `form` is the chart's pattern.
    """

    account: str
    form: str
    amounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Debits and credits of one total."""

    debit: tuple[Leg, ...]
    credit: tuple[Leg, ...]


@dataclass(frozen=True)
class FlowTemplate:
    """A row of the money map: what one kind of business event moves.

    A `pending` one is held; one that `posts` takes the place of such a hold, one that `voids` releases it. A `reversal`
    mirrors another entry, whatever that was; a `free` one may use any accounts of the chart, and needs two people.
    `means`, `key` and `examples` (amounts as written) are what the page of the map says about it.
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
        """Every (debit, credit) pair of account forms that a transfer of this flow may have."""
        return frozenset((one.form, other.form) for step in self.steps for one in step.debit for other in step.credit)

    @property
    def legs(self) -> tuple[Leg, ...]:
        return tuple(leg for step in self.steps for leg in (*step.debit, *step.credit))

    def touches(self, form: str) -> bool:
        """Whether a step has this account."""
        return any(leg.form == form for leg in self.legs)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the map whose event writes no journal of its own."""

    row: str
    title: str
    part: str
    means: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """An account of the chart that must return to zero group by group, and the flows that open and close its groups."""

    form: str
    key: str
    owner: str
    sla_days: int
    opened_by: tuple[str, ...]
    closed_by: tuple[str, ...]


@dataclass(frozen=True)
class MoneyMap:
    """The chart of accounts, what must return to zero on it, and every row; `parts` are the page's, by id."""

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
        """The chart by what every account of one form shares: its first word, its last, and the number of its parts."""
        shapes: dict[tuple[str, str, int], list[AccountType]] = {}
        for kind in self.chart:
            parts = kind.pattern.split(":")
            last = "" if PLACEHOLDER.search(parts[-1]) else parts[-1]
            shapes.setdefault((parts[0], last, len(parts)), []).append(kind)
        return shapes
