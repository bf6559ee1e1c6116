"""Act: derive everything that follows from the journal again, set by set, and name each row that says otherwise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from ledger.books.store import Act
from ledger.map.flows import money_map
from ledger.map.money_map import FlowTemplate
from ledger.proof.check import Fault


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is to check."""

    entries: int
    transfers: int
    holds: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What entries of one flow have in common: how they were asked for, and the forms of one transfer's two accounts.

    `posts` is the flow of the hold that they post; the forms are empty where an account was never opened.
    """

    flow: str
    version: int
    act: Act
    debit: str
    credit: str
    posts: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit found: how much there is, what is wrong, and which shapes the entries have.

    Each shape comes with one entry that has it, and how many transfers do. `roots` are the seals', as hex.
    """

    counts: Counts
    faults: tuple[Fault, ...]
    shapes: Mapping[Shape, tuple[str, int]]
    roots: Mapping[int, str]


class Audit(Protocol):
    """The books as of one moment, and everything that is checked where they lie."""

    def examine(self) -> Findings:
        """Run every check, and compare every projection with the journal."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, and every fault."""

    entries: int
    transfers: int
    holds: int
    accounts: int
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


def verify(audit: Audit, kept_roots: Mapping[int, str] = MappingProxyType({})) -> Verified:
    """Check everything; an empty list of faults proves that the books are what was recorded.

    `kept_roots` are roots by seal that were kept elsewhere: whoever can write to the database can also make a whole
    chain anew, but not one that has these.
    """
    found = audit.examine()
    counts, faults = found.counts, [*found.faults, *_off_the_map(found.shapes)]
    faults += _not_kept(kept_roots, found.roots)
    faults.sort(key=lambda fault: (fault.check, fault.where, fault.detail))
    return Verified(counts.entries, counts.transfers, counts.holds, counts.accounts, tuple(faults))


def _not_kept(kept: Mapping[int, str], roots: Mapping[int, str]) -> Iterator[Fault]:
    for seal_no, root in kept.items():
        if roots.get(seal_no) != root:
            trouble = "is gone" if seal_no not in roots else f"has the root {roots[seal_no]}"
            yield Fault("kept root", f"seal {seal_no}", f"{trouble}; the one kept is {root}")


def _off_the_map(shapes: Mapping[Shape, tuple[str, int]]) -> Iterator[Fault]:
    """Entries that their flow does not prescribe. Those of an older version were checked when they were written."""
    for shape, (entry_id, times) in shapes.items():
        trouble = _trouble(money_map().flows.get(shape.flow), shape)
        if trouble is not None:
            more = f"; so have {times - 1} more transfers" if times > 1 else ""
            yield Fault("money map", entry_id, trouble + more)


def _trouble(flow: FlowTemplate | None, shape: Shape) -> str | None:
    if flow is None:
        return f"flow {shape.flow} is not on the money map"
    return _difference(flow, shape) if flow.version == shape.version else None


def _difference(flow: FlowTemplate, shape: Shape) -> str | None:
    if flow.reversal is not (shape.act is Act.REVERSE):
        return f"flow {flow.flow} is {'' if flow.reversal else 'not '}a reversal"
    if flow.pending is not (shape.act is Act.HOLD):
        return f"flow {flow.flow} is {'held' if flow.pending else 'posted'}"
    if shape.posts is not None and flow.posts != shape.posts:
        return f"flow {flow.flow} does not post a {shape.posts}"
    if not (flow.reversal or flow.free) and (shape.debit, shape.credit) not in flow.pairs:
        return f"flow {flow.flow} has no debit of {shape.debit or '?'} with a credit of {shape.credit or '?'}"
    return None
