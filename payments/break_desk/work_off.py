"""Acts: work money off suspense, take a small difference as tolerated, and send money back to its sender."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.map.flow import Flow
from ledger.money import Currency, Money
from lending.plan.when import When
from payments.break_class import BreakClass
from payments.break_desk.desk_log import BreakCase
from payments.break_desk.desk_ports import (
    BANK_LINES,
    DeskEffect,
    DeskPorts,
    DeskRefusal,
    post_journals,
    put_on_suspense,
)
from payments.break_desk.match_by_hand import open_bank_line, return_reference
from payments.expectation import Expected, Leg
from payments.expectation_key import (
    CaptureKey,
    ClaimKey,
    ClaimWonKey,
    DebitKey,
    DecidedKey,
    ExpectationKey,
    PayoutKey,
    RefundKey,
)
from payments.files.line import FileLine
from payments.files.payout_file import Payout
from payments.ids import PayoutId
from payments.line_key import LineKind
from payments.payout_batches import BatchKind
from payments.reconciliation.bookings import tolerated, worked_off
from payments.reconciliation.bookings_from_matches import seen_on
from payments.reconciliation.matching import VERSION, Matched, MatchRule

_TOLERATED, _FLOW = "exp:recon_diff", Flow.TOLERANCE_DIFFERENCE
OnClearing = CaptureKey | RefundKey | ClaimKey | ClaimWonKey
"""Movements that the provider's clearing account holds until its payout is at our bank."""

_FILES = (BreakClass.FILE_FAULT, BreakClass.STATEMENT_BALANCE)


def write_off(case: BreakCase, ports: DeskPorts) -> DeskEffect:
    """Work off what a break is about: a line on suspense, what a capture left on clearing, or a file.

    A credit is kept for whoever claims it, a debit is taken as a charge, and a difference is tolerated within the caps.
    """
    if case.line is not None and case.line.kind in BANK_LINES:
        return _off_suspense(open_bank_line(case, ports), ports)
    key = case.broken.expected if case.line is None else case.line.key
    if isinstance(key, OnClearing):
        return _off_clearing(case, key, ports)
    if case.break_id.startswith("file:") and case.broken.break_class in _FILES:
        _close(case, "dismissed", ports)
        return DeskEffect()
    raise DeskRefusal("no-money", f"{case.break_id} holds no money that could be written off; {_other_ways(case)}")


def _other_ways(case: BreakCase) -> str:
    if case.broken.break_class in (BreakClass.STATEMENT_BALANCE, BreakClass.INVARIANT, BreakClass.STALE):
        return "it closes when what it found is gone"
    return "the unit is tried again by every run of its command, and `accept` gives it time"


def _off_suspense(line: FileLine, ports: DeskPorts) -> DeskEffect:
    before = put_on_suspense(line, ports)
    posted = post_journals([worked_off(line, f"{line.payment_id}/off", seen_on(line.booked_on))], ports)
    decide_line(line, ports)
    return DeskEffect((*before, *posted))


def _off_clearing(case: BreakCase, key: OnClearing, ports: DeskPorts) -> DeskEffect:
    """What a movement leaves on the provider's clearing account, if anything, is tolerated, and the movement closed."""
    reconciliation = ports.adapters.reconciliation
    line = case.line
    if line is not None:
        if case.unit is None:
            raise DeskRefusal("not-open", f"{line.line_key} is in a match already")
        if line.payout_id is None or not _met(PayoutKey(line.payout_id), ports):
            raise DeskRefusal("cash-awaited", f"payout {line.payout_id}, which {line.line_key} is in, has not arrived")
    posted = _tolerate(_left_on_clearing(key, ports), case, ports)
    if line is not None:
        decide_line(line, ports)
    for each in reconciliation.expected([key], ()):
        if not each.met:
            ports.desk.decide_expectation(str(key), ports.today, rule=MatchRule.MANUAL.value, version=VERSION)
    _close(case, f"written off: {', '.join(posted) or 'nothing was left'}", ports)
    return DeskEffect(posted)


def _met(key: ExpectationKey, ports: DeskPorts) -> bool:
    return any(each.met for each in ports.adapters.reconciliation.expected([key], ()))


@dataclass(frozen=True, slots=True)
class _Residue:
    """What is left in a group of the clearing account, debits less credits; None if it is at zero."""

    group: str
    amount: Money | None


def _left_on_clearing(key: OnClearing, ports: DeskPorts) -> _Residue:
    account = f"provider:{ports.adapters.profile.card.provider}:clearing"
    value = _group_of(key, ports)
    left = [
        group.posted
        for group in ports.adapters.ledger.open_groups(date.max)
        if group.account == account and group.value == value and group.posted.minor
    ]
    if len(left) > 1:
        raise DeskRefusal("several-currencies", f"{value} left {' and '.join(map(str, left))} on {account}")
    return _Residue(value, left[0] if left else None)


def _group_of(key: OnClearing, ports: DeskPorts) -> str:
    """The id by which the clearing account groups a movement: its attempt, or the payment of a refund."""
    match key:
        case CaptureKey(attempt_id):
            return attempt_id
        case RefundKey(payment_id):
            return payment_id
        case ClaimKey(case_id) | ClaimWonKey(case_id):
            entries = ports.adapters.ledger.entries(correlation={"case_id": case_id})
            return entries[0].journal.correlation["attempt_id"] if entries else case_id


def _tolerate(residue: _Residue, case: BreakCase, ports: DeskPorts) -> tuple[str, ...]:
    amount = residue.amount
    if amount is None:
        return ()
    size = abs(amount.minor)
    each, day = (caps.get(amount.currency) for caps in (ports.policy.each, ports.policy.day))
    if each is None or day is None or size > each.minor:
        most = "nothing is tolerated" if each is None else f"at most {each} is tolerated"
        raise DeskRefusal(
            "beyond-tolerance",
            f"{residue.group} leaves {amount} on clearing and {most}; what was never captured is taken back with "
            "`tranche lending plan reverse`, which leaves nothing to write off",
        )
    used = _tolerated_today(amount.currency, ports)
    if used + size > day.minor:
        raise DeskRefusal(
            "beyond-tolerance", f"{Money(used, day.currency)} of {day} is used today; {amount} is beyond it"
        )
    provider = ports.adapters.profile.card.provider
    journal = tolerated(case.break_id, residue.group, amount, When.moment(ports.at), provider=provider)
    return post_journals([journal], ports)


def _tolerated_today(currency: Currency, ports: DeskPorts) -> int:
    """The differences tolerated today, in minor units, whichever way they went."""
    lines = ports.adapters.ledger.statement(_TOLERATED, currency)
    return sum(each.amount.minor for each in lines if each.value_date == ports.today and each.flow == _FLOW)


def send_back(case: BreakCase, arguments: Mapping[str, str], ports: DeskPorts) -> DeskEffect:
    """Order the bank to send the money of a credit back; it leaves suspense when the statement shows the debit."""
    line = open_bank_line(case, ports)
    if line.kind is LineKind.DEBIT:
        raise DeskRefusal("no-credit", f"{line.line_key} is money that left our bank")
    payee = arguments.get("payee") or line.account_id or line.counterparty
    if not payee:
        raise DeskRefusal("no-payee", f"nobody is named as the sender of {line.line_key}; say --payee")
    before = put_on_suspense(line, ports)
    reference = return_reference(line.line_key)
    adapters = ports.adapters
    adapters.batches.order(BatchKind.REFUNDS, [Payout(PayoutId(reference), payee, line.amount, ports.today)])
    adapters.reconciliation.expect(
        [
            Expected(
                key=DebitKey(reference),
                leg=Leg.PROVIDER_BANK,
                amount=line.amount,
                expected_on=ports.today,
                due_by=ports.today + timedelta(days=adapters.profile.merchant_payout_days),
                created_by=line.line_key,
            )
        ]
    )
    decide_line(line, ports)
    return DeskEffect(before)


def decide_line(line: FileLine, ports: DeskPorts) -> None:
    """Take a line off the list of those that are open, with what a person decided as its match; its break is closed."""
    expected = Expected(
        key=DecidedKey(line.payment_id),
        leg=Leg.LEDGER_BANK,
        amount=line.amount,
        expected_on=line.booked_on,
        due_by=max(ports.today, line.reported_on),
        created_by=line.line_id,
    )
    reconciliation = ports.adapters.reconciliation
    reconciliation.expect([expected])
    reconciliation.confirm([Matched(line.to_match(), expected.to_match(), MatchRule.MANUAL)], ports.today)


def _close(case: BreakCase, by: str, ports: DeskPorts) -> None:
    ports.adapters.reconciliation.close_break(case.break_id, ports.today, by)
