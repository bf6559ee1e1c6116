"""Act: decide an order, store the decision and reserve its amount, within the caller's database transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ledger.books.store import Ledger, Refused
from ledger.map import flows
from ledger.map.flow import Flow
from ledger.money import Currency
from ledger.outbox.outbox import Fact
from lending.decision.alternatives import Alternative, ways_of_repaying, with_alternatives
from lending.decision.decision import Known, Referred, decide
from lending.decision.exposure import Exposure
from lending.decision.facts import decision_facts
from lending.decision.order import Order, order_body
from lending.decision.record import AlternativeStamp, Inputs, StoredDecision, decision_record
from lending.decision.score import Scorer
from lending.terms.policy import AssessmentStage, Policies, Policy
from lending.terms.product import Product
from lending.terms.product_terms import ProductTerms
from lending.terms.products import local_day, product_on


@dataclass(frozen=True, slots=True)
class OpenedOrder:
    """What is known of an order once its shopper is locked.

    Its decision, if there is one, the exposure, and the products by which lending in its currency is `stopped`.
    """

    decided: StoredDecision | None
    exposure: Exposure
    stopped: frozenset[Product] = frozenset()


class Decisions(Protocol):
    """Stores decisions, one per order, never changed."""

    def open(self, order: Order, at: datetime) -> OpenedOrder:
        """Lock the shopper's exposure until the transaction ends, and look up what is known of the order."""

    def add(self, decision: StoredDecision) -> None:
        """Store a new decision with its reasons and its reservation."""


class Publish(Protocol):
    """Stores facts to be published after the transaction has committed."""

    def __call__(self, facts: Sequence[Fact]) -> int:
        """Store facts, each once; returns how many were new."""


class OpenCase(Protocol):
    """Opens the case of a referred decision, so that a person reviews it."""

    def __call__(self, stored: StoredDecision, stage: AssessmentStage) -> object:
        """Open the case of a decision that this stage referred, in its transaction; again, it changes nothing."""


class NotHeld(RuntimeError):
    """Raised when the books refuse a reservation, although no limit applies to its accounts."""


@dataclass(frozen=True, slots=True)
class Underwritten:
    """The decision on the order; `new` is False when it was made before."""

    decision: StoredDecision
    new: bool


@dataclass(frozen=True, slots=True)
class DecidedOtherwise:
    """The order's id was decided before with another content; `field` names the difference."""

    decision_id: str
    field: str


@dataclass(frozen=True, slots=True)
class NoPolicy:
    """No policy lends in this currency by this product on this day, or the product is not offered in the currency."""

    currency: Currency
    product: Product


@dataclass(frozen=True, slots=True)
class LendingStopped:
    """Lending in this currency by this product is stopped, so nothing is decided."""

    currency: Currency
    product: Product


def underwrite(
    order: Order,
    *,
    at: datetime,
    code_digest: str,
    policies: Policies,
    scorer: Scorer,
    decisions: Decisions,
    ledger: Ledger,
    publish: Publish,
    open_case: OpenCase,
) -> Underwritten | DecidedOtherwise | NoPolicy | LendingStopped:
    """Decide the order once: a repeated call returns the first decision, even if policy or data changed since.

    The decision made before is looked up first, so it is found though its policy is gone or lending is stopped.

    The shopper's exposure stays locked until the caller's transaction ends, so that two concurrent orders of a shopper
    cannot use the same room under the limit.
    """
    opened = decisions.open(order, at)
    decided, exposure = opened.decided, opened.exposure
    if decided is not None:
        field = _first_difference(decided.order, order)
        return Underwritten(decided, new=False) if field is None else DecidedOtherwise(decided.decision_id, field)
    found = policy_for(order, policies, at)
    if isinstance(found, NoPolicy):
        return found
    if order.product in opened.stopped:
        return LendingStopped(order.amount.currency, order.product)
    policy, terms = found
    evidence = scorer.evidence(order.account_id, at)
    ways = alternatives_of(order, policies, at) if order.alternatives else ()
    alternatives = tuple(way for way in ways if way.product not in opened.stopped)
    inputs = Inputs(
        order=order,
        at=at,
        evidence=evidence,
        exposure=exposure,
        policy_id=policy.policy_id,
        policy_version=policy.version,
        policy_digest=policy.digest,
        model=scorer.model,
        code_digest=code_digest,
        product_terms=terms.stamp,
        alternatives=tuple(_stamp(each) for each in alternatives),
    )
    decision = decide(order, evidence=evidence, exposure=exposure, policy=policy, score_order=scorer.score, at=at)
    known = Known(evidence, exposure, at)
    decision, further = with_alternatives(order, decision, known, alternatives, scorer.score)
    stored = decision_record(inputs, decision, policy, further)
    decisions.add(stored)
    publish(decision_facts(stored, inputs, tuple(reason.code for reason in decision.reasons)))
    if isinstance(decision, Referred):
        open_case(stored, decision.stage)
    # Last, because all approvals write to the same two memorandum accounts, locked until the commit.
    reserve_offer(stored, ledger)
    return Underwritten(stored, new=True)


def alternatives_of(order: Order, policies: Policies, at: datetime) -> tuple[Alternative, ...]:
    """The other ways of repaying an order that a policy lends by at a moment."""
    found = ((way, policy_for(way, policies, at)) for way in ways_of_repaying(order))
    return tuple(
        Alternative(way.product, way.duration_months, held[0], held[1].stamp)
        for way, held in found
        if not isinstance(held, NoPolicy)
    )


def _stamp(each: Alternative) -> AlternativeStamp:
    policy = each.policy
    return AlternativeStamp(
        each.product, each.duration_months, policy.policy_id, policy.version, policy.digest, each.terms
    )


def policy_for(order: Order, policies: Policies, at: datetime) -> tuple[Policy, ProductTerms] | NoPolicy:
    """The policy and the product's terms that an order is decided by at a moment."""
    today = local_day(order.product, order.amount.currency, at)
    policy = policies.holding(order.amount.currency, order.product, today)
    if policy is None:
        return NoPolicy(order.amount.currency, order.product)
    terms = product_on(order.product, today)
    if order.amount.currency not in terms.servicing.currencies:
        return NoPolicy(order.amount.currency, order.product)
    return policy, terms


def reserve_offer(stored: StoredDecision, ledger: Ledger) -> None:
    """Hold the largest amount that is offered in the ledger until the offers expire (flow F01)."""
    if stored.offer is None:
        return
    largest = max((offer.amount for offer in stored.offers), default=stored.offer.amount)
    journal = flows.journal(
        Flow.LIMIT_HELD,
        key=stored.decision_id,
        value_date=stored.offer.offered_on,
        occurred_at=stored.decided_at,
        recorded_at=stored.decided_at,
        correlation={
            "order_id": stored.order.order_id,
            "decision_id": stored.decision_id,
            "shopper_id": stored.order.shopper_id,
        },
        amounts={"approved": largest},
        names={},
    )
    held = ledger.hold(journal, expires_at=stored.expires_at)
    if isinstance(held, Refused):
        raise NotHeld(f"the books refused to hold {largest} for {stored.decision_id}: {held.reasons}")


def _first_difference(decided: Order, asked: Order) -> str | None:
    before, now = order_body(decided), order_body(asked)
    return next((field for field in now if now[field] != before[field]), None)
