"""Act: list what the books' own checks find, and what is explained for too long, beside the breaks of reconciliation.

E24: a finding of `tranche ledger verify`, or an open group of a clearing account that nothing known explains. E21: a
group that is explained and older than its account allows. E25: a free-form entry that waits too long for its second
person. Each is closed when it is gone, and opened again when it comes back.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ledger.books.free_form import Proposal
from ledger.books.statement import OpenGroup
from ledger.proof.check import CheckFault
from payments.break_class import BreakClass
from payments.break_desk.postgres_desk import PostgresDesk
from payments.breaks import Break, break_of_unit
from payments.rail_profile import RailProfile
from payments.reconciliation.open_items import Explained, MissingGroup, OpenItems, Unexplained, Why
from payments.reconciliation.postgres import PostgresReconciliation

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._:/-]+")
FINDING, ITEM, MANUAL = "finding:", "item:", "manual:"
"""What the ids of breaks from checks, from open groups and from proposed entries begin with."""

APPROVED_WITHIN = timedelta(days=7)
"""For so long a proposed entry may wait for its second person."""


@dataclass(frozen=True, slots=True)
class BreaksAudited:
    """Breaks that are new since the last audit, by class; those that are gone; and the findings that are open now."""

    on: date
    new: Mapping[str, int]
    closed: int
    findings: int
    stale: int


def audit_breaks(
    faults: Iterable[CheckFault],
    items: OpenItems,
    proposals: Iterable[Proposal],
    on: date,
    *,
    reconciliation: PostgresReconciliation,
    desk: PostgresDesk,
    profile: RailProfile,
) -> BreaksAudited:
    """Record what was found on a day, in the caller's database transaction. The same findings again change nothing."""
    reconciliation.lock()
    findings = [*_findings(faults, on, profile), *_unexplained(items, on, profile)]
    stale = [*_stale(items, on, profile), *_waiting(proposals, on, profile)]
    reconciliation.age_breaks(on, profile)
    new = Counter(reconciliation.raise_breaks([*findings, *stale]))
    present = [each.break_id for each in (*findings, *stale)]
    closed = desk.close_absent((FINDING, ITEM, MANUAL), present, on, "the check finds it no more")
    return BreaksAudited(
        on, {name.value: count for name, count in sorted(new.items())}, closed, len(findings), len(stale)
    )


def _findings(faults: Iterable[CheckFault], on: date, profile: RailProfile) -> Iterator[Break]:
    """One break for each place that a check names, with the first of what it says."""
    named: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        named.setdefault((fault.check, fault.where), []).append(fault.detail)
    for (check, where), details in sorted(named.items()):
        more = f" and {len(details) - 1} more" if len(details) > 1 else ""
        about = f"{FINDING}{_word(check)}:{_short(check, where)}"
        yield break_of_unit(about, BreakClass.INVARIANT, f"{check}: {where}: {min(details)}{more}"[:500], on, profile)


def _unexplained(items: OpenItems, on: date, profile: RailProfile) -> Iterator[Break]:
    for fault in items.faults:
        match fault:
            case Unexplained(group, _):
                about = _about(group)
            case MissingGroup(missing):
                about = f"{ITEM}{_word(missing[0].account)}:{_short(missing[0].account, missing[0].value, 'missing')}"
        yield break_of_unit(about, BreakClass.INVARIANT, str(fault)[:500], on, profile)


def _stale(items: OpenItems, on: date, profile: RailProfile) -> Iterator[Break]:
    """Groups past their account's days that have no break of their own; the account's owner deals with them."""
    for each in items.explained:
        if each.group.overdue(on) and all(item.why is not Why.OPEN_BREAK for item in each.items):
            broken = break_of_unit(_about(each.group), BreakClass.STALE, _why_open(each, on), on, profile)
            amount = each.group.posted if each.group.posted.minor else each.group.pending
            yield replace(broken, owner=each.group.owner, amount=amount)


def _waiting(proposals: Iterable[Proposal], on: date, profile: RailProfile) -> Iterator[Break]:
    """E25: entries that no flow covers and that nobody else has approved in time."""
    for each in proposals:
        if each.approved_by is None and each.proposed_at.date() + APPROVED_WITHIN < on:
            why = f"{each.proposal_id}, proposed by {each.proposed_by} on {each.proposed_at.date()}: {each.reason}"
            about = f"{MANUAL}{_word(each.proposal_id)}:{_short(each.proposal_id)}"
            yield break_of_unit(about, BreakClass.MANUAL_POSTING, why[:500], on, profile)


def _why_open(each: Explained, on: date) -> str:
    why = ", ".join(sorted({item.why.value.replace("_", " ") for item in each.items}))
    group = each.group
    return f"{group.account} holds {group.value} since {group.since}, {group.age_days(on)} days: {why}"[:500]


def _about(group: OpenGroup) -> str:
    return f"{ITEM}{_word(group.account)}:{_short(group.account, group.value, group.posted.currency.value)}"


def _word(text: str) -> str:
    return _NOT_IN_AN_ID.sub("-", text)[:60]


def _short(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
