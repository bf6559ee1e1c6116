"""Acts: match a line of a bank's statement by hand, and undo a match."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256

from ledger.books.store import Entry
from ledger.map.flow import Flow
from lending.plan.event import PlanEvent, Reversed
from lending.servicing.record_events import first_open_day
from payments.break_desk.desk_log import BreakCase
from payments.break_desk.desk_ports import (
    BANK_LINES,
    DeskEffect,
    DeskPorts,
    DeskRefusal,
    post_journals,
    put_on_suspense,
    unidentified,
)
from payments.break_desk.postgres_by_hand import ByHand
from payments.break_events.postgres_undone import posting_id
from payments.collection.attempt import AttemptEvent, AttemptState
from payments.collection.opening import must_hold
from payments.expectation import Expected
from payments.expectation_key import (
    CaptureKey,
    ClaimKey,
    DebitKey,
    DecidedKey,
    DueKey,
    ExpectationKey,
    PayoutKey,
    TransferKey,
    UnknownKey,
    expectation_key,
)
from payments.files.line import FileLine
from payments.ids import PayoutId
from payments.line_key import LineKey, LineKind
from payments.plan_events import PlanRefused, paid_event_id, record_on_plan
from payments.reconciliation.matching import MatchRule
from payments.reconciliation.settle_lines import settle_lines
from payments.reconciliation.transfers import take_transfers

_OF_CREDITS = (DueKey, PayoutKey)
_BOOKED_DIFFERENCES = frozenset({MatchRule.TOLERANCE.value, MatchRule.RATE.value})


def match_line(case: BreakCase, arguments: Mapping[str, str], ports: DeskPorts) -> DeskEffect:
    """Match the line of a break with an open expectation of its amount, or take it as a payment of a plan."""
    line = open_bank_line(case, ports)
    if "plan_id" in arguments:
        return _pay_plan(line, arguments["plan_id"], ports)
    expected = _open_expectation(arguments["expectation"], line, ports)
    before = put_on_suspense(line, ports) if isinstance(expected.key, DueKey) else ()
    moved = _moved_suspense(line, ports) if _leaves_suspense(expected) else ()
    adapters = ports.adapters
    by_hand = ByHand(adapters.database, line, expected.key, off_suspense=bool(moved))
    written = settle_lines(
        [],
        ports.at,
        ports.today,
        attempts=adapters.attempts,
        plans=adapters.plans,
        ledger=adapters.ledger,
        reconciliation=by_hand,
        payouts=adapters.payouts,
        refunds=adapters.refunds,
        terms=adapters.terms,
        policy=adapters.policy,
        profile=adapters.profile,
        apply=adapters.asking.apply,
    )
    if not written.matches:
        why = written.breaks[0].reason if written.breaks else "the rules of its kind do not book it"
        raise DeskRefusal("not-matched", f"{line.line_key} does not match {expected.key}: {why}")
    posted = tuple(each.entry_id for each in adapters.reconciliation.anew(written.journals))
    return DeskEffect((*before, *posted), moved)


def open_bank_line(case: BreakCase, ports: DeskPorts) -> FileLine:
    """The open line of our bank that a break is about; refuses any other break."""
    if case.line is None or case.line.kind not in BANK_LINES:
        raise DeskRefusal("no-bank-line", f"{case.break_id} is about no line of our bank")
    if case.unit is None:
        raise DeskRefusal("not-open", f"{case.line.line_key} is in a match already; `unmatch` undoes that first")
    account = case.line.bank_account
    if account is not None and account not in ports.adapters.profile.bank_accounts:
        raise DeskRefusal("off-the-chart", f"bank account {account} is not on our chart, so nothing is booked on it")
    return case.line


def _open_expectation(text: str, line: FileLine, ports: DeskPorts) -> Expected:
    """What was expected, if it is open and of the line's direction, currency and amount."""
    try:
        key = expectation_key(text)
    except UnknownKey as unknown:
        raise DeskRefusal("no-expectation", str(unknown)) from unknown
    found = ports.adapters.reconciliation.expected([key], ())
    if not found:
        raise DeskRefusal("no-expectation", f"nothing is expected under {text}")
    (expected,) = (each for each in found if each.key == key)
    if expected.met:
        raise DeskRefusal("already-met", f"{text} was met by another line; `unmatch` undoes that first")
    if isinstance(key, DebitKey) != (line.kind is LineKind.DEBIT) or not isinstance(key, (*_OF_CREDITS, DebitKey)):
        raise DeskRefusal("wrong-kind", f"a {line.kind} at our bank cannot be what {text} expects")
    if expected.amount != line.amount:
        raise DeskRefusal("wrong-amount", f"{line.amount} against {expected.amount} of {text}: they must be equal")
    return expected


def _pay_plan(line: FileLine, plan_id: str, ports: DeskPorts) -> DeskEffect:
    adapters = ports.adapters
    plan = adapters.plans.get_all([plan_id]).get(plan_id)
    if plan is None or line.kind is LineKind.DEBIT:
        raise DeskRefusal("no-plan", f"{line.line_key} cannot pay a plan {plan_id}")
    if plan.currency is not line.amount.currency:
        raise DeskRefusal("wrong-currency", f"{line.amount} does not pay a plan in {plan.currency}")
    before = put_on_suspense(line, ports)
    taken = take_transfers(
        [line],
        {line.line_key: plan},
        {line.line_key},
        plans=adapters.plans,
        ledger=adapters.ledger,
        expectations=adapters.reconciliation,
        terms=adapters.terms,
        profile=adapters.profile,
    )
    adapters.reconciliation.confirm([replace(each, rule=MatchRule.MANUAL) for each in taken.matches], ports.today)
    return DeskEffect(before)


def _leaves_suspense(expected: Expected) -> bool:
    """Whether the journals of the match bring the cash to the bank themselves, so that what is on suspense goes."""
    return isinstance(expected.key, PayoutKey)


def _moved_suspense(line: FileLine, ports: DeskPorts) -> tuple[str, ...]:
    """Take the cash of a line off suspense whose entry there is not its first; the id of the entry reversed."""
    entry_id = unidentified(line, ports).entry_id
    times = ports.desk.times_undone(entry_id)
    if not times or line.line_key not in ports.adapters.reconciliation.on_suspense([line]):
        return ()
    now = posting_id(entry_id, times + 1)
    _reverse(now, line.booked_on, ports, why=f"identified: {line.line_key}")
    return (now,)


def undo_match(case: BreakCase, act_id: str, ports: DeskPorts) -> DeskEffect:
    """Reverse what the match of a line posted, and open line and expectations as they were before it."""
    line = case.line
    if line is None or case.group_id is None:
        raise DeskRefusal("not-matched", f"{case.break_id} is about no line that is in a match")
    group = ports.desk.group(case.group_id)
    keys = [expectation_key(each) for each in group.expectation_ids]
    if line.kind not in BANK_LINES or len(group.line_keys) != 1 or len(keys) != 1:
        raise DeskRefusal("not-undone", f"{line.line_key} is told by the provider's file, which another file corrects")
    if group.rule in _BOOKED_DIFFERENCES:
        raise DeskRefusal("not-undone", f"the match of {line.line_key} booked a difference, which a correction undoes")
    reversed_ = _undo_bookings(line, keys[0], act_id, ports)
    posted = _back_on_suspense(line, ports)
    ports.desk.undo(group, act_id, manual=MatchRule.MANUAL.value)
    ports.desk.reopen(case.break_id)
    return DeskEffect(posted, reversed_)


def _undo_bookings(line: FileLine, key: ExpectationKey, act_id: str, ports: DeskPorts) -> tuple[str, ...]:
    match key:
        case DueKey() | TransferKey():
            return _take_payment_back(line, key, act_id, ports)
        case PayoutKey(payout_id):
            ids = ({"line_id": line.line_id}, {"payout_id": str(payout_id)})
            reversed_ = _reverse_all(_posted(_OF_PAYOUTS, ports, *ids), line, ports)
            _no_longer_settled(key, line, ports)
            return reversed_
        case DebitKey(reference):
            if not ports.adapters.payouts.get_all([PayoutId(reference)]) and not _is_claim(key, ports):
                raise DeskRefusal("not-undone", f"{key} confirms a payment to a shopper; its return undoes it")
            return _reverse_all(_posted(_OF_DEBITS, ports, {"line_id": line.line_id}), line, ports)
        case DecidedKey():
            if _sent_back(line, ports):
                raise DeskRefusal("not-undone", f"the money of {line.line_key} is on its way to its sender")
            return _reverse_all(_posted(_OF_DECISIONS, ports, {"line_id": line.line_id}), line, ports)
        case _:
            raise DeskRefusal("not-undone", f"{key} is what a file of the provider or the bank said by itself")


def _is_claim(key: DebitKey, ports: DeskPorts) -> bool:
    return any(isinstance(each.created_by, ClaimKey) for each in ports.adapters.reconciliation.expected([key], ()))


def _sent_back(line: FileLine, ports: DeskPorts) -> bool:
    return bool(ports.adapters.reconciliation.expected([DebitKey(return_reference(line.line_key))], ()))


def return_reference(line_key: LineKey) -> str:
    """The reference under which the money of a line goes back to its sender: short enough for every rail.

    >>> return_reference(LineKey(LineKind.CREDIT, "main-GBP-0001/0002"))
    'RET7A08AA4C5480'
    """
    return f"RET{sha256(str(line_key).encode()).hexdigest()[:12].upper()}"


def _take_payment_back(line: FileLine, key: DueKey | TransferKey, act_id: str, ports: DeskPorts) -> tuple[str, ...]:
    """The plan is computed as if the transfer had never paid it."""
    event_id = paid_event_id(line.payment_id)
    adapters = ports.adapters
    known = adapters.plans.find_events([event_id]).get(event_id)
    if known is None:
        raise DeskRefusal("not-undone", f"{key} was met without a payment of a plan")
    undone = PlanEvent(f"undone:{event_id}", known.plan_id, ports.today, ports.at, ports.at, act_id, Reversed(event_id))
    try:
        return record_on_plan([undone], plans=adapters.plans, ledger=adapters.ledger, terms=adapters.terms)
    except PlanRefused as refused:
        raise DeskRefusal("plan-refuses", refused.user_message) from refused


_OF_PAYOUTS = frozenset(
    {
        Flow.PROVIDER_SETTLED,
        Flow.PROVIDER_DEBITED,
        Flow.PROVIDER_INVOICED,
        Flow.PROVIDER_RESERVE,
        Flow.RETURN_DEBITED,
    }
)
_OF_DEBITS = frozenset({Flow.PAYOUT_CONFIRMED, Flow.DEBIT_IDENTIFIED, Flow.CLAIM_TAKEN})
_OF_DECISIONS = frozenset({Flow.CREDIT_IDENTIFIED, Flow.DEBIT_IDENTIFIED})


def _posted(flows: frozenset[Flow], ports: DeskPorts, *ids: dict[str, str]) -> list[Entry]:
    """The entries of these flows that carry one of the ids and that nothing has reversed, the newest first."""
    ledger = ports.adapters.ledger
    found = {each.journal.entry_id: each for one in ids for each in ledger.entries(correlation=one)}
    standing = (each for each in found.values() if each.reversed_by is None and each.journal.flow in flows)
    return sorted(standing, key=lambda each: -each.position)


def _reverse_all(entries: Iterable[Entry], line: FileLine, ports: DeskPorts) -> tuple[str, ...]:
    done = []
    for entry in entries:
        first, times = ports.desk.first_posting(entry.journal.entry_id)
        _reverse(entry.journal.entry_id, entry.journal.value_date, ports, why=f"the match of {line.line_key} is undone")
        ports.desk.keep_undone_entry(first, times)
        done.append(entry.journal.entry_id)
    return tuple(done)


def _reverse(entry_id: str, value_date: date, ports: DeskPorts, *, why: str) -> None:
    ledger = ports.adapters.ledger
    first_open = first_open_day(ledger)
    answer = ledger.reverse(
        entry_id,
        value_date=value_date if first_open is None else max(value_date, first_open),
        occurred_at=ports.at,
        recorded_at=ports.at,
        reason=why,
    )
    must_hold(answer, entry_id)


def _no_longer_settled(key: PayoutKey, line: FileLine, ports: DeskPorts) -> None:
    """The attempts of a payout wait for their cash again."""
    adapters = ports.adapters
    rows = adapters.reconciliation.other_lines_of_payouts([key.payout_id], [])
    attempts = [each.key.attempt_id for each in rows if isinstance(each.key, CaptureKey)]
    states = adapters.attempts.states(attempts)
    settled = sorted(each for each, state in states.items() if state is AttemptState.SETTLED)
    adapters.attempts.move_all(settled, AttemptEvent.CASH_UNSEEN, at=ports.at, cause=f"{line.line_key} was unmatched")


def _back_on_suspense(line: FileLine, ports: DeskPorts) -> tuple[str, ...]:
    """A line whose cash was taken off suspense by the match is on suspense again."""
    journal = unidentified(line, ports)
    times = ports.desk.times_undone(journal.entry_id)
    entry = ports.adapters.ledger.entry(posting_id(journal.entry_id, times + 1))
    if entry is not None and entry.reversed_by is not None:
        ports.desk.keep_undone_entry(journal.entry_id, times + 1)
        return post_journals([journal], ports)
    if line.kind is LineKind.DEBIT and entry is None:
        return post_journals([journal], ports)
    return ()
