"""Answers to a shopper's own payment, as plain values and as lines for people; amounts are in minor units."""

from collections.abc import Iterator
from typing import Any, assert_never

from lending.acts.answers import entry_tree, state_tree
from payments.collection.pay import (
    PaymentAnswer,
    PaymentDeclined,
    PaymentNotPossible,
    PaymentPending,
    PaymentPreview,
    PaymentTaken,
)


def payment_tree(plan_id: str, answer: PaymentAnswer | PaymentPreview) -> dict[str, Any]:
    """One answer, with its `status`: captured, declined, pending, not_possible or preview."""
    match answer:
        case PaymentTaken():
            return {
                "status": "captured",
                "new": answer.new,
                "plan_id": plan_id,
                "attempt_id": answer.attempt_id,
                "amount_minor": answer.amount.minor,
                "currency": answer.amount.currency.value,
                "owed_minor": answer.owed.minor,
                "plan_status": answer.status.value,
            }
        case PaymentDeclined():
            return {"status": "declined", "plan_id": plan_id, "attempt_id": answer.attempt_id, "code": answer.code}
        case PaymentPending():
            return {"status": "pending", "plan_id": plan_id, "attempt_id": answer.attempt_id, "detail": answer.detail}
        case PaymentNotPossible():
            return {"status": "not_possible", "plan_id": plan_id, "code": answer.code, "detail": answer.detail}
        case PaymentPreview():
            return {
                "status": "preview",
                "plan_id": plan_id,
                "amount_minor": answer.amount.minor,
                "currency": answer.amount.currency.value,
                "before": state_tree(answer.before),
                "after": state_tree(answer.after),
                "posted": [entry_tree(each) for each in answer.posted],
            }
        case never:
            assert_never(never)


def payment_said(plan_id: str, answer: PaymentAnswer | PaymentPreview) -> Iterator[str]:
    """The answer in lines for people."""
    match answer:
        case PaymentTaken():
            before = "" if answer.new else " before"
            yield f"{plan_id}: {answer.amount} captured{before}; {answer.owed} owed, the plan is {answer.status}"
        case PaymentDeclined():
            yield f"{plan_id}: refused by the provider: {answer.code}; nothing changed"
        case PaymentPending():
            yield f"{plan_id}: not known yet ({answer.detail}); the same command asks the provider again"
        case PaymentNotPossible():
            yield f"{plan_id}: nothing was charged: {answer.detail}"
        case PaymentPreview():
            yield f"{plan_id}: {answer.amount} would be charged; {answer.before.owed} owed, {answer.after.owed} after"
            yield f"  the plan is {answer.before.status}, {answer.after.status} after"
            for entry in answer.posted:
                for each in entry.journal.transfers:
                    yield f"  {entry.journal.flow} {each.debit} -> {each.credit} {each.amount}"
        case never:
            assert_never(never)
