"""Acts: give a break to another owner, leave it open until a later day, and deal with its unit again."""

from collections.abc import Mapping
from datetime import timedelta

from payments.break_desk.desk_act import day_given
from payments.break_desk.desk_log import BreakCase
from payments.break_desk.desk_ports import DeskEffect, DeskPorts, DeskRefusal
from payments.breaks import Break
from payments.each_alone import reason_of
from payments.reconciliation.bookings_from_matches import missing
from payments.reconciliation.expect_dues import expect_dues
from payments.reconciliation.settle_lines import settle_lines
from payments.reconciliation.statements.postgres_bank_proof import unexplained

_TRIED_BY = {
    "attempt": "`tranche payments collect` asks the provider and tries it again",
    "refund": "`tranche payments pay-refunds` tries it again",
    "merchant": "`tranche payments pay-merchants` tries it again",
    "file": "`tranche payments reconcile --file` takes the file once it is undamaged",
}


def assign_break(case: BreakCase, arguments: Mapping[str, str], ports: DeskPorts) -> DeskEffect:
    """Give an open break to another owner."""
    if arguments["owner"] == case.broken.owner:
        raise DeskRefusal("same-owner", f"{case.break_id} is {case.broken.owner}'s already")
    ports.desk.assign(case.break_id, arguments["owner"])
    return DeskEffect()


def accept_break(case: BreakCase, arguments: Mapping[str, str], ports: DeskPorts) -> DeskEffect:
    """Leave an open break open until a later day, within the desk's limit."""
    until = day_given(arguments, "until")
    latest = ports.today + timedelta(days=ports.policy.accept_days)
    if not max(ports.today, case.broken.due_by) < until <= latest:
        after = max(ports.today, case.broken.due_by)
        raise DeskRefusal("wrong-day", f"a break is accepted until a day after {after} and up to {latest}, not {until}")
    ports.desk.accept_until(case.break_id, until)
    return DeskEffect()


def reprocess(case: BreakCase, ports: DeskPorts) -> DeskEffect:
    """Match and book the unit of a break's line by the rules again, or prove a statement again."""
    if case.break_id.startswith("bank:"):
        return _prove(case.broken, ports)
    if case.line is None:
        return _look_again(case.broken, ports)
    unit = ports.desk.release(str(case.line.line_key))
    if unit is None:
        raise DeskRefusal("not-open", f"{case.line.line_key} is in a match already")
    adapters = ports.adapters
    expect_dues(adapters.plans, adapters.reconciliation)
    try:
        with adapters.transaction():
            written = settle_lines(
                [unit],
                ports.at,
                ports.today,
                attempts=adapters.attempts,
                plans=adapters.plans,
                ledger=adapters.ledger,
                reconciliation=adapters.reconciliation,
                payouts=adapters.payouts,
                refunds=adapters.refunds,
                terms=adapters.terms,
                policy=adapters.policy,
                profile=adapters.profile,
                apply=adapters.asking.apply,
            )
    except Exception as error:  # whatever the reason: the unit waits as before, and the person is told why
        raise DeskRefusal("cannot-be-booked", reason_of(error)) from error
    adapters.reconciliation.raise_breaks(written.breaks)
    return DeskEffect(tuple(each.entry_id for each in adapters.reconciliation.anew(written.journals)))


def _prove(broken: Break, ports: DeskPorts) -> DeskEffect:
    reconciliation, profile = ports.adapters.reconciliation, ports.adapters.profile
    for proof in reconciliation.bank_proofs(profile):
        if broken.break_id.startswith(proof.about):
            if proof.difference.minor:
                raise DeskRefusal("still-unequal", unexplained(proof, profile).reason)
            reconciliation.close_breaks_of(proof.about, ports.today, "statement and books agree")
    return DeskEffect()


def _look_again(broken: Break, ports: DeskPorts) -> DeskEffect:
    """An expectation that was met meanwhile is no break; any other unit is tried by the command of its own."""
    if broken.expected is not None and broken.break_id == f"expectation:{broken.expected}":
        (expected,) = ports.adapters.reconciliation.expected([broken.expected], ())
        if not expected.met:
            raise DeskRefusal("still-missing", missing(expected, ports.adapters.profile).reason)
        ports.adapters.reconciliation.close_break(broken.break_id, ports.today, "met")
        return DeskEffect()
    kind = broken.break_id.partition(":")[0]
    raise DeskRefusal(
        "not-here", _TRIED_BY.get(kind, "`tranche payments audit-breaks` looks again, and closes what is gone")
    )
