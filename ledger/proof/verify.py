"""Act: derive everything that follows from the journal again, and report each stored row that differs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from ledger.books.store import Act
from ledger.map.flows import money_map
from ledger.map.money_map import FlowTemplate
from ledger.proof.check import CheckFault


@dataclass(frozen=True, slots=True)
class CheckedCounts:
    """The number of entries, transfers, holds and accounts checked."""

    entries: int
    transfers: int
    holds: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What entries of one flow have in common: their act, and the account forms of one transfer.

    `posts` is the flow of the hold that they post. A form is empty where the account is not in the table of accounts.
    """

    flow: str
    version: int
    act: Act
    debit: str
    credit: str
    posts: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of an audit: counts, faults, and the shapes of the recorded entries.

    Each shape comes with one example entry and the number of transfers that have it. `roots` are the seals' roots, in
    hexadecimal; `row_roots` those of the seals of rows outside the journal. `others` counts what the parts
    beside the books checked.
    """

    counts: CheckedCounts
    faults: tuple[CheckFault, ...]
    shapes: Mapping[Shape, tuple[str, int]]
    roots: Mapping[int, str]
    row_roots: Mapping[int, str]
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class KeptRoots:
    """Roots by seal number that were stored elsewhere, of the journal's chain and of the chain of other rows."""

    entries: Mapping[int, str]
    rows: Mapping[int, str]


NOTHING_KEPT = KeptRoots(MappingProxyType({}), MappingProxyType({}))


class Audit(Protocol):
    """The books on one snapshot, with the checks that run in the database."""

    def examine(self) -> Findings:
        """Run every check, and compare every projection with the journal."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, and every fault. `others` counts what parts beside the books checked, such as plan events."""

    entries: int
    transfers: int
    holds: int
    accounts: int
    faults: tuple[CheckFault, ...]
    others: Mapping[str, int]

    @property
    def sound(self) -> bool:
        return not self.faults


def verify(audit: Audit, kept: KeptRoots = NOTHING_KEPT) -> Verified:
    """Check everything; an empty list of faults proves that the books are as recorded.

    Write access to the database is enough to forge a
    whole chain of seals, but not one with roots
    that were `kept` elsewhere.
    """
    found = audit.examine()
    counts, faults = found.counts, [*found.faults, *_off_the_map(found.shapes)]
    faults += _not_kept(kept.entries, found.roots, "seal {}")
    faults += _not_kept(kept.rows, found.row_roots, "seal {} of rows")
    faults.sort(key=lambda fault: (fault.check, fault.where, fault.detail))
    return Verified(counts.entries, counts.transfers, counts.holds, counts.accounts, tuple(faults), found.others)


def _not_kept(kept: Mapping[int, str], roots: Mapping[int, str], name: str) -> Iterator[CheckFault]:
    for seal_no, root in kept.items():
        if roots.get(seal_no) != root:
            trouble = "is gone" if seal_no not in roots else f"has the root {roots[seal_no]}"
            yield CheckFault("kept root", name.format(seal_no), f"{trouble}; the one kept is {root}")


def _off_the_map(shapes: Mapping[Shape, tuple[str, int]]) -> Iterator[CheckFault]:
    """Entries that their flow does not prescribe. Entries of an older template version were checked when written."""
    for shape, (entry_id, times) in shapes.items():
        trouble = _trouble(money_map().flows.get(shape.flow), shape)
        if trouble is not None:
            more = f"; so have {times - 1} more transfers" if times > 1 else ""
            yield CheckFault("money map", entry_id, trouble + more)


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
