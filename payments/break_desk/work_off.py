"""Acts: work money off suspense, take a small difference as tolerated, and send money back to its sender."""

from collections.abc import Mapping
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
from payments.expectation_key import CaptureKey, DebitKey, DecidedKey
from payments.files.line import FileLine
from payments.files.payout_file import Payout
from payments.ids import PayoutId
from payments.line_key import LineKind
from payments.payout_batches import BatchKind
from payments.reconciliation.bookings import tolerated, worked_off
from payments.reconciliation.bookings_from_matches import seen_on
from payments.reconciliation.matching import VERSION, Matched, MatchRule

_TOLERATED, _FLOW = "exp:recon_diff", Flow.TOLERANCE_DIFFERENCE
_FILES = (BreakClass.FILE_FAULT, BreakClass.STATEMENT_BALANCE)


def write_off(case: BreakCase, ports: DeskPorts) -> DeskEffect:
    """Work off what a break is about: a line on suspense, what a capture left on clearing, or a file.

    A credit is kept for whoever claims it, a debit is taken as a charge, and a difference is tolerated within the caps.
    """
    if case.line is not None and case.line.kind in BANK_LINES:
        return _off_suspense(open_bank_line(case), ports)
    if case.line is not None and isinstance(case.line.key, CaptureKey):
        return _off_clearing(case, case.line.key, ports)
    if isinstance(case.broken.expected, CaptureKey) and case.line is None:
        return _off_clearing(case, case.broken.expected, ports)
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


def _off_clearing(case: BreakCase, key: CaptureKey, ports: DeskPorts) -> DeskEffect:
    """What a capture leaves on the provider's clearing account, if anything, is tolerated, and the capture closed."""
    provider = ports.adapters.profile.card.provider
    account = f"provider:{provider}:clearing"
    groups = [
        group.posted
        for group in ports.adapters.ledger.open_groups(date.max)
        if group.account == account and group.value == key.attempt_id and group.posted.minor
    ]
    if len(groups) > 1:
        raise DeskRefusal("several-currencies", f"{key.attempt_id} left {' and '.join(map(str, groups))} on {account}")
    posted = tuple(_tolerate(groups[0], case, key, ports)) if groups else ()
    if case.line is not None:
        if case.unit is None:
            raise DeskRefusal("not-open", f"{case.line.line_key} is in a match already")
        decide_line(case.line, ports)
    open_keys = [each.key for each in ports.adapters.reconciliation.expected([key], ()) if not each.met]
    for each in open_keys:
        ports.desk.decide_expectation(str(each), ports.today, rule=MatchRule.MANUAL.value, version=VERSION)
    _close(case, f"written off: {', '.join(posted) or 'nothing was left'}", ports)
    return DeskEffect(posted)


def _tolerate(residue: Money, case: BreakCase, key: CaptureKey, ports: DeskPorts) -> tuple[str, ...]:
    size = abs(residue.minor)
    each, day = (caps.get(residue.currency) for caps in (ports.policy.each, ports.policy.day))
    if each is None or day is None or size > each.minor:
        most = "nothing is tolerated" if each is None else f"at most {each} is tolerated"
        raise DeskRefusal(
            "beyond-tolerance",
            f"{key.attempt_id} leaves {residue} on clearing and {most}; what was never captured is taken back with "
            "`tranche lending plan reverse`, which leaves nothing to write off",
        )
    used = _tolerated_today(residue.currency, ports)
    if used + size > day.minor:
        raise DeskRefusal(
            "beyond-tolerance", f"{Money(used, day.currency)} of {day} is used today; {residue} is beyond it"
        )
    when = When.moment(ports.at)
    journal = tolerated(
        f"{case.break_id}", key.attempt_id, residue, when, provider=ports.adapters.profile.card.provider
    )
    return post_journals([journal], ports)


def _tolerated_today(currency: Currency, ports: DeskPorts) -> int:
    """The differences tolerated today, in minor units, whichever way they went."""
    lines = ports.adapters.ledger.statement(_TOLERATED, currency)
    return sum(each.amount.minor for each in lines if each.value_date == ports.today and each.flow == _FLOW)


def send_back(case: BreakCase, arguments: Mapping[str, str], ports: DeskPorts) -> DeskEffect:
    """Order the bank to send the money of a credit back; it leaves suspense when the statement shows the debit."""
    line = open_bank_line(case)
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
