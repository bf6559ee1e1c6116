"""The results of one run of the demo, as figures with stable names, which `docs/summary.md` explains."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from pathlib import Path

from terminal.database import DatabaseProcess
from tranche.report.retail_summary import Retail

Tree = dict[str, object]


@dataclass(frozen=True, slots=True)
class Events:
    """The counts of bank transactions from the source to the lake."""

    refused_at_source: int
    published: int
    read: int
    accepted: int
    quarantined: int
    duplicates: int
    added_by_second_run: int

    @property
    def conserved(self) -> bool:
        """Whether every row that was read is accounted for exactly once."""
        return self.read == self.accepted + self.quarantined + self.duplicates


@dataclass(frozen=True, slots=True)
class Features:
    """The number of features in the catalogue, and of vectors published to serving."""

    count: int
    vectors: int


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """The champion's figures on the out-of-time test, with those of the scorecard that it has to beat."""

    train_rows: int
    test_rows: int
    auc: float
    auc_low: float
    auc_high: float
    ks: float
    brier: float
    calibration_slope: float
    scorecard_auc: float


@dataclass(frozen=True, slots=True)
class DecisionFigures:
    """The API's answers, and how many of them were the same when computed again."""

    requested: int
    approved: int
    approved_reduced: int
    referred: int
    declined: int
    declined_without_reason: int
    replayed: int
    replayed_identical: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """The number of plans opened, by an accepted offer or by import, and of their instalments."""

    opened: int
    instalments: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The rows of outside files, matched with what was expected."""

    lines: int
    matched_by_id: int
    matched_by_rule: int
    unmatched: int
    breaks: Mapping[str, int]
    open_expectations: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all posted transfers of one currency."""

    debits_minor: int
    credits_minor: int


@dataclass(frozen=True, slots=True)
class OpenGroups:
    """The number of clearing groups that are not zero, and of those that are explained by open items.

    `missing`: open items without a group in the books. `faults` names these and the unexplained groups.
    """

    groups: int
    explained: int
    missing: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerFigures:
    """The books: their size, debits and credits by currency, whether the verification passed, and open groups."""

    entries: int
    transfers: int
    totals: Mapping[str, Totals]
    verified: bool
    open: OpenGroups | None = None

    @property
    def balanced(self) -> bool:
        return all(total.debits_minor == total.credits_minor for total in self.totals.values())


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts written by the platform's database, and how many of them are in the lake.

    `unknown`: rows of the lake that the database does not have. `differing_sums`: how many of the sums of repayments,
    open instalments and transfers differ.
    """

    written: int
    in_lake: int
    unknown: int
    differing_sums: int

    @property
    def complete(self) -> bool:
        return self.written == self.in_lake and not self.unknown and not self.differing_sums


@dataclass(frozen=True, slots=True)
class Planted:
    """The number of faults planted, and of those found by the responsible stage."""

    planted: int
    found: int


@dataclass(frozen=True, slots=True)
class KindSeen:
    """How often a kind of plan event happened, by which doors, and the first plan it happened to."""

    count: int
    doors: Mapping[str, int]
    first_plan: str | None


@dataclass(frozen=True, slots=True)
class RoleSeen:
    """The user as whom a kind of process connects to the database, and what became of statements forbidden to it."""

    name: str
    refused: int
    done: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures of one run. A section that does not apply to the source is None, and is left out when written."""

    source: str
    seconds: Mapping[str, float]
    events: Events | None = None
    features: Features | None = None
    model: ModelFigures | None = None
    decisions: DecisionFigures | None = None
    plans: PlanFigures | None = None
    reconciliation: Reconciliation | None = None
    ledger: LedgerFigures | None = None
    facts: Facts | None = None
    planted: Mapping[str, Planted] = field(default_factory=dict)
    retail: Retail | None = None
    plan_events: Mapping[str, KindSeen] = field(default_factory=dict)
    database_roles: Mapping[str, RoleSeen] = field(default_factory=dict)

    def as_tree(self) -> Tree:
        """The figures as written to `summary.json`; a dot in a documented name is a level of the tree."""
        tree: Tree = {"source": self.source, "seconds": dict(self.seconds)}
        for section in ("events", "features", "model", "decisions", "plans", "reconciliation"):
            value = getattr(self, section)
            if value is not None:
                tree[section] = _plain(value)
        if self.ledger is not None:
            books = self.ledger
            currencies = {currency: _plain(total) for currency, total in sorted(books.totals.items())}
            tree["ledger"] = {"entries": books.entries, "transfers": books.transfers} | currencies
            tree["ledger"] |= {"verified": books.verified}  # type: ignore[operator]
            if (left := books.open) is not None:
                tree["ledger"] |= {  # type: ignore[operator]
                    "open_groups": left.groups,
                    "open_groups_explained": left.explained,
                    "open_items_missing": left.missing,
                }
        if self.facts is not None:
            tree["facts"] = _plain(self.facts)
        if self.retail is not None:
            tree["retail"] = _plain(self.retail)
        if self.planted:
            tree["planted"] = {fault: _plain(found) for fault, found in sorted(self.planted.items())}
        if self.plan_events:
            tree["plan_events"] = {kind: _plain(seen) for kind, seen in sorted(self.plan_events.items())}
        if self.database_roles:
            tree["database_roles"] = {
                process: {"role": seen.name, "refused": seen.refused, "done": len(seen.done)}
                for process, seen in sorted(self.database_roles.items())
            }
        return tree

    def broken_promises(self) -> tuple[str, ...]:
        """Each promise of the platform that this run did not keep, in words; the demo fails if there is one."""
        return tuple(_broken(self))

    def write(self, path: Path) -> None:
        """Write `summary.json` atomically."""
        scratch = path.with_suffix(".part")
        scratch.write_text(json.dumps(self.as_tree(), indent=2) + "\n")
        scratch.replace(path)


def event_rows(seen: Mapping[str, KindSeen]) -> list[tuple[str, int, str, str]]:
    """Rows of kind, times, doors in words, and first plan."""

    def doors(each: KindSeen) -> str:
        return ", ".join(f"{door.replace('_', ' ')} {number:,}" for door, number in each.doors.items())

    return [(kind, each.count, doors(each), each.first_plan or "") for kind, each in sorted(seen.items())]


def keys_of(tree: Mapping[str, object], prefix: str = "") -> tuple[str, ...]:
    """The dotted names of all figures in a tree.

    >>> keys_of({"source": "seeded", "plans": {"opened": 1, "instalments": 3}})
    ('source', 'plans.opened', 'plans.instalments')
    """
    names: list[str] = []
    for key, value in tree.items():
        names.extend(keys_of(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"])
    return tuple(names)


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in sorted(value.items())}
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return round(value, 4) if isinstance(value, float) else value


def _broken(summary: Summary) -> list[str]:
    said: list[str] = []
    events, decisions, books = summary.events, summary.decisions, summary.ledger
    if events is not None:
        if not events.conserved:
            said.append(
                f"rows are not conserved: {events.read:,} read, but "
                f"{events.accepted + events.quarantined + events.duplicates:,} accepted, quarantined or parked"
            )
        if events.added_by_second_run:
            said.append(f"a second run of ingest added {events.added_by_second_run:,} rows")
    if decisions is not None:
        if decisions.replayed != decisions.replayed_identical:
            differing = decisions.replayed - decisions.replayed_identical
            said.append(f"{differing:,} of {decisions.replayed:,} replayed decisions differ from the answer given")
        if decisions.declined_without_reason:
            said.append(f"{decisions.declined_without_reason:,} decisions declined without a reason")
    if books is not None:
        said.extend(_broken_books(books))
    if (facts := summary.facts) is not None and not facts.complete:
        said.append(
            f"the lake has {facts.in_lake:,} of {facts.written:,} facts of the platform, {facts.unknown:,} that nobody "
            f"wrote, and {facts.differing_sums:,} sums that differ"
        )
    if summary.retail is not None:
        said.extend(summary.retail.broken())
    said.extend(_unseen(summary))
    said.extend(_beyond_their_rights(summary.database_roles))
    return said


def _unseen(summary: Summary) -> list[str]:
    """Planted faults that were not found, and kinds of plan event that did not happen."""
    said = [
        f"planted faults of kind {fault}: {count.planted:,} planted, {count.found:,} found"
        for fault, count in sorted(summary.planted.items())
        if count.planted != count.found
    ]
    unseen = sorted(kind for kind, seen in summary.plan_events.items() if not seen.count)
    if unseen:
        said.append(f"kinds of plan event that did not happen: {', '.join(unseen)}")
    return said


def _beyond_their_rights(roles: Mapping[str, RoleSeen]) -> list[str]:
    """Kinds of processes that connect as another role than their own, or could do what is forbidden to them."""
    said = [
        f"processes of {process} connect to the database as {seen.name}, not as {DatabaseProcess(process).role}"
        for process, seen in sorted(roles.items())
        if seen.name != DatabaseProcess(process).role
    ]
    said += [
        f"the database let {seen.name} do what is forbidden to it: {statement}"
        for _, seen in sorted(roles.items())
        for statement in seen.done
    ]
    return said


def _broken_books(books: LedgerFigures) -> list[str]:
    said = [
        f"debits and credits differ in {currency}: {total.debits_minor} and {total.credits_minor} minor units"
        for currency, total in sorted(books.totals.items())
        if total.debits_minor != total.credits_minor
    ]
    if not books.verified:
        said.append("ledger verify found the books broken")
    if books.open is not None:
        said.extend(_not_explained(books.open))
    return said


def _not_explained(left: OpenGroups) -> list[str]:
    """Open groups without a reason and open items without a group, in words, with the first of them."""
    without = left.groups - left.explained
    if not (without or left.missing):
        return []
    named = "; ".join(left.faults)
    return [f"{without:,} open clearing groups without a reason, {left.missing:,} open items without a group: {named}"]
