"""Act: take a provider's notice of a disputed payment: a charge-back of a card, or a late claim on a direct debit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from ledger.books.store import Refusal
from ledger.money import Money
from lending.plan.event import Body, CashBack, ClaimLost, ClaimOpened, ClaimWon, Route
from lending.plan.refusal import PlanRefusal
from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import EventRecorded, EventRefused, KeptLedger, TermsOf, record_events
from payments.break_class import BreakClass
from payments.breaks import Breaks, break_of_unit
from payments.collection.attempt import Attempt, AttemptEvent
from payments.collection.attempts import Attempts
from payments.disputes.events import claimed
from payments.each_alone import reason_of
from payments.expectation import Expectations, Expected, Leg
from payments.expectation_key import ClaimKey, ClaimWonKey, DebitKey, ExpectationKey
from payments.ids import AttemptId, CaseId
from payments.plan_events import paid_event_id
from payments.rail_profile import Rail, RailProfile
from payments.transaction import Transaction


class DisputeStage(StrEnum):
    """The stage of the case that a notice reports."""

    OPENED = "opened"
    OPENED_AGAIN = "opened_again"  # a further stage, under a case id of its own
    WON = "won"
    LOST = "lost"
    FRAUD = "fraud"  # lost, and the payment was not made by the shopper


@dataclass(frozen=True, slots=True)
class DisputeNotice:
    """One notice. `amount` is the amount claimed, or the whole payment if omitted; `fee` is the fee that the provider
    charges us for the case or gives back. `cash_back`: how we get the money of a claim that we won.
    """

    case_id: CaseId
    stage: DisputeStage
    attempt_id: AttemptId
    route: Route
    told_on: date
    amount: Money | None = None
    fee: Money | None = None
    cash_back: CashBack = CashBack.NETTED


@dataclass(frozen=True, slots=True)
class NoticeTaken:
    """The case is in the state that the notice reports; `new` if this notice changed it."""

    case_id: CaseId
    entries: tuple[str, ...]
    new: bool


@dataclass(frozen=True, slots=True)
class NoticeRefused:
    """Nothing was changed: the payment is unknown, or its plan refuses the event."""

    case_id: CaseId
    reasons: tuple[PlanRefusal | Refusal | str, ...]


def take_notices(
    notices: Iterable[DisputeNotice],
    *,
    attempts: Attempts,
    plans: PlanLog,
    ledger: KeptLedger,
    expectations: Expectations,
    breaks: Breaks,
    terms: TermsOf,
    profile: RailProfile,
    transaction: Transaction,
    at: datetime,
) -> list[NoticeTaken | NoticeRefused]:
    """Take each notice by itself. One that cannot be taken is a break (E11) until it is, and stops no other."""
    answers = []
    for notice in notices:
        try:
            answer = take_notice(
                notice, attempts=attempts, plans=plans, ledger=ledger, expectations=expectations, terms=terms,
                profile=profile, transaction=transaction, at=at,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001  # whatever the reason: it belongs to one notice and stops no other
            answer = NoticeRefused(notice.case_id, (reason_of(error),))
        with transaction():
            _list_refused(notice, answer, breaks, profile)
        answers.append(answer)
    return answers


def _list_refused(
    notice: DisputeNotice, answer: NoticeTaken | NoticeRefused, breaks: Breaks, profile: RailProfile
) -> None:
    break_id = f"case:{notice.case_id}:{notice.stage}"
    if isinstance(answer, NoticeTaken):
        breaks.close_break(break_id, notice.told_on, "taken")
        return
    reason = f"{notice.case_id} cannot be {notice.stage}: {'; '.join(map(str, answer.reasons))}"
    breaks.raise_breaks([break_of_unit(break_id, BreakClass.STATUS_CONFLICT, reason, notice.told_on, profile)])


def take_notice(
    notice: DisputeNotice,
    *,
    attempts: Attempts,
    plans: PlanLog,
    ledger: KeptLedger,
    expectations: Expectations,
    terms: TermsOf,
    profile: RailProfile,
    transaction: Transaction,
    at: datetime,
) -> NoticeTaken | NoticeRefused:
    """Record a notice once, in its own database transaction: the plan books it, and the attempt is moved."""
    with transaction():
        attempt = attempts.get(notice.attempt_id, lock=True)
        if attempt is None:
            return NoticeRefused(notice.case_id, (f"there is no attempt {notice.attempt_id}",))
        when = When.day(notice.told_on, recorded_at=at)
        event = claimed(notice.case_id, notice.stage, attempt.planned.plan_id, when, _body(notice, profile.card))
        (answer,) = record_events([event], plans=plans, ledger=ledger, terms=terms)
        if isinstance(answer, EventRefused):
            return NoticeRefused(notice.case_id, answer.reasons)
        if not isinstance(answer, EventRecorded):
            return NoticeTaken(notice.case_id, (), new=False)
        # The attempt moves with its case, and the files must show the movement of money.
        attempts.move(attempt.attempt_id, _EVENTS[notice.stage], at=at, cause=f"{notice.case_id}: {notice.stage}")
        expected = _expected(attempt, notice, profile.claim_days)
        expectations.expect([] if expected is None else [expected])
        return NoticeTaken(notice.case_id, answer.posted, new=True)


def _body(notice: DisputeNotice, rail: Rail) -> Body:
    match notice.stage:
        case DisputeStage.OPENED | DisputeStage.OPENED_AGAIN:
            return ClaimOpened(
                notice.case_id,
                paid_event_id(notice.attempt_id),
                notice.route,
                rail.provider,
                amount=notice.amount,
                chargeback_fee=notice.fee,
                again=notice.stage is DisputeStage.OPENED_AGAIN,
            )
        case DisputeStage.WON:
            return ClaimWon(notice.case_id, notice.cash_back, rail.bank, notice.fee)
        case DisputeStage.LOST | DisputeStage.FRAUD:
            return ClaimLost(notice.case_id, fraud=notice.stage is DisputeStage.FRAUD)


_EVENTS = {
    DisputeStage.OPENED: AttemptEvent.CLAIM_OPENED,
    DisputeStage.OPENED_AGAIN: AttemptEvent.CLAIM_OPENED,
    DisputeStage.WON: AttemptEvent.CLAIM_WON,
    DisputeStage.LOST: AttemptEvent.CLAIM_LOST,
    DisputeStage.FRAUD: AttemptEvent.CLAIM_LOST,
}


def _expected(attempt: Attempt, notice: DisputeNotice, claim_days: int) -> Expected | None:
    """A charge-back nets out of the provider's payout; a direct debit's claim is taken from our bank account."""
    amount = attempt.amount if notice.amount is None else notice.amount
    if notice.fee is not None:
        amount += notice.fee
    opening = notice.stage in (DisputeStage.OPENED, DisputeStage.OPENED_AGAIN)
    key: ExpectationKey
    if notice.route is Route.CARD and opening:
        key, leg = ClaimKey(notice.case_id), Leg.LEDGER_PROVIDER
    elif notice.route is Route.CARD and notice.stage is DisputeStage.WON:
        key, leg = ClaimWonKey(notice.case_id), Leg.LEDGER_PROVIDER
    elif notice.route is Route.DIRECT_DEBIT and opening:
        key, leg = DebitKey(notice.case_id), Leg.LEDGER_BANK
    else:
        return None
    return Expected(
        key=key,
        leg=leg,
        amount=amount,
        expected_on=notice.told_on,
        due_by=notice.told_on + timedelta(days=claim_days),
        created_by=ClaimKey(notice.case_id),
        plan_id=attempt.planned.plan_id,
        instalment_id=attempt.planned.instalment_id,
    )
