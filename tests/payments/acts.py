"""The acts of payments with every port of a test's adapters, so that a test states only what matters to its case."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ledger.money import Money
from lending.decision.record import StoredDecision
from lending.plan.event import PlanEvent
from lending.plan.plan import Plan
from lending.plan.when import When
from payments.collection import accept_offer as accepting
from payments.collection import collect as collecting
from payments.collection import opening, outcome
from payments.disputes import dispute
from payments.merchants import pay_merchants as settling
from payments.plan_events import record_on_plan as record
from payments.provider.charge import ChargeResult
from payments.reconciliation import reconcile as reconciling
from payments.reconciliation import take_files as taking
from payments.refunds import pay_refunds as refund_paying
from payments.refunds import refund as refunding
from payments.wiring import Adapters


def _booking(ports: Adapters) -> dict[str, Any]:
    return {"plans": ports.plans, "ledger": ports.ledger, "terms": ports.terms}


def charging(ports: Adapters) -> dict[str, Any]:
    """The ports of everything that books a provider's answer to a charge."""
    return {
        **_booking(ports),
        "attempts": ports.attempts,
        "decisions": ports.decisions,
        "expectations": ports.reconciliation,
        "breaks": ports.reconciliation,
        "merchants": ports.merchants,
        "policy": ports.policy,
        "profile": ports.profile,
    }


def record_on_plan(ports: Adapters, events: Sequence[PlanEvent]) -> tuple[str, ...]:
    return record(events, **_booking(ports))


def open_plan(ports: Adapters, decision: StoredDecision, when: When) -> Plan:
    return opening.open_plan(decision, when, **_booking(ports), merchants=ports.merchants)


def apply_outcome(ports: Adapters, attempt_id: str, answer: ChargeResult, at: datetime) -> outcome.Result:
    return outcome.apply_outcome(attempt_id, answer, at, **charging(ports))


def collect(due: date, *, ports: Adapters, at: datetime) -> collecting.CollectReport:
    return collecting.collect(
        due,
        **_booking(ports),
        asking=ports.asking,
        profile=ports.profile,
        breaks=ports.reconciliation,
        at=at,
    )


def accept_offer(decision_id: str, *, asked_by: str, ports: Adapters, at: datetime) -> accepting.Acceptance:
    return accepting.accept_offer(
        decision_id,
        asked_by=asked_by,
        **_booking(ports),
        asking=ports.asking,
        decisions=ports.decisions,
        merchants=ports.merchants,
        at=at,
    )


def pay_merchants(on: date, *, ports: Adapters, outbox: Path, at: datetime) -> settling.PayMerchantsReport:
    return settling.pay_merchants(
        on,
        payouts=ports.payouts,
        ledger=ports.ledger,
        expectations=ports.reconciliation,
        merchants=ports.merchants,
        batches=ports.batches,
        breaks=ports.reconciliation,
        profile=ports.profile,
        transaction=ports.transaction,
        outbox=outbox,
        at=at,
    )


def pay_refunds(on: date, *, ports: Adapters, outbox: Path, at: datetime) -> refund_paying.PayRefundsReport:
    return refund_paying.pay_refunds(
        on,
        **_booking(ports),
        refunds=ports.refunds,
        expectations=ports.reconciliation,
        breaks=ports.reconciliation,
        provider=ports.provider,
        batches=ports.batches,
        settle_down=ports.policy.settle_down,
        profile=ports.profile,
        transaction=ports.transaction,
        outbox=outbox,
        at=at,
    )


def refund(plan_id: str, refund_id: str, amount: Money, *, ports: Adapters, at: datetime) -> refunding.RefundAnswer:
    return refunding.refund(
        plan_id,
        refund_id,
        amount,
        **_booking(ports),
        settled=ports.payouts.settled,
        transaction=ports.transaction,
        at=at,
    )


def take_notice(
    notice: dispute.DisputeNotice, *, ports: Adapters, at: datetime
) -> dispute.NoticeTaken | dispute.NoticeRefused:
    return dispute.take_notice(
        notice,
        **_booking(ports),
        attempts=ports.attempts,
        expectations=ports.reconciliation,
        profile=ports.profile,
        transaction=ports.transaction,
        at=at,
    )


def take_notices(
    notices: Sequence[dispute.DisputeNotice], *, ports: Adapters, at: datetime
) -> list[dispute.NoticeTaken | dispute.NoticeRefused]:
    return dispute.take_notices(
        notices,
        **_booking(ports),
        attempts=ports.attempts,
        expectations=ports.reconciliation,
        breaks=ports.reconciliation,
        profile=ports.profile,
        transaction=ports.transaction,
        at=at,
    )


def take_files(files: Sequence[Path], *, ports: Adapters, at: datetime, refuse_loudly: bool) -> taking.TakenFiles:
    return taking.take_files(
        files,
        attempts=ports.attempts,
        refunds=ports.refunds,
        reconciliation=ports.reconciliation,
        publish=ports.publish,
        profile=ports.profile,
        transaction=ports.transaction,
        at=at,
        refuse_loudly=refuse_loudly,
    )


def reconcile(files: Sequence[Path], *, ports: Adapters, at: datetime, **other: Any) -> reconciling.ReconcileReport:
    """`other` are `as_of` and `refuse_loudly`."""
    return reconciling.reconcile(
        files,
        **_booking(ports),
        asking=ports.asking,
        profile=ports.profile,
        reconciliation=ports.reconciliation,
        payouts=ports.payouts,
        refunds=ports.refunds,
        publish=ports.publish,
        at=at,
        **other,
    )
