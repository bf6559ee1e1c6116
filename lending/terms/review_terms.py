"""The terms of reviews by a person, from versioned files: queues and their clocks, documents, and coded reasons."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lending.schedule.business_days import BusinessDays
from lending.schedule.due_dates import Adjustment
from lending.terms.holidays import holidays_of
from lending.terms.policy import AssessmentStage
from lending.terms.product_terms import TermsStamp
from lending.terms.terms_file import Section, content_digest, effective, on_day, one_at_a_time, read_terms
from terminal.fault import Fault
from terminal.lenders_own import lenders_own

SHIPPED_REVIEW_TERMS = Path(str(files("lending"))) / "review_terms"


class NoReviewTerms(Fault, LookupError):
    """Raised for a jurisdiction and day without terms of reviews."""


class ReviewVerdict(StrEnum):
    """What a review decides; `expired` is a decline because its time ran out, which no person chooses."""

    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"


class Overdue(StrEnum):
    """What happens to a case when its time runs out."""

    DECLINED = "declined"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class ReviewReason:
    """A coded reason of a review, in words for the shopper.

    `answers`: reasons of a policy that it overcomes. The flags say what the review must hold for the reason to be
    given, or bring with it.
    """

    code: str
    verdict: ReviewVerdict
    text: str
    answers: frozenset[str] = frozenset()
    needs_document: bool = False
    needs_means: bool = False
    assesses_risk: bool = False
    second_look: bool = False


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """A queue: which stages of a decision lead to it, and its clock in business days."""

    name: str
    stages: frozenset[AssessmentStage]
    contests: bool
    business_days: int
    overdue: Overdue
    escalates_to: str | None


@dataclass(frozen=True, slots=True)
class ReviewTerms:
    """One version of a jurisdiction's terms of reviews; a last day of None is open-ended."""

    version: str
    digest: str
    jurisdiction: str
    effective_from: date
    effective_until: date | None
    days: BusinessDays
    claim: timedelta
    documents: tuple[str, ...]
    documents_business_days: int
    queues: tuple[ReviewQueue, ...]
    reasons: tuple[ReviewReason, ...]
    notice_opened: str
    notice_decided: str

    @property
    def stamp(self) -> TermsStamp:
        return TermsStamp(self.version, self.digest)

    def queue_for(self, stage: AssessmentStage) -> ReviewQueue:
        """The queue of a decision that this stage refers."""
        return next(queue for queue in self.queues if stage in queue.stages)

    @property
    def contests(self) -> ReviewQueue:
        """The queue of contested decisions."""
        return next(queue for queue in self.queues if queue.contests)

    def queue(self, name: str) -> ReviewQueue:
        return next(queue for queue in self.queues if queue.name == name)

    def reason(self, code: str) -> ReviewReason | None:
        return next((reason for reason in self.reasons if reason.code == code), None)

    def due_at(self, opened_at: datetime, business_days: int) -> datetime:
        """The end of the day that is so many business days after a moment, where the jurisdiction is."""
        return end_of_business_day(self.days, opened_at, business_days)


def end_of_business_day(days: BusinessDays, at: datetime, after: int) -> datetime:
    """The midnight after the business day that is `after` business days later, in UTC.

    >>> london = BusinessDays(ZoneInfo("Europe/London"), holidays_of("GB-ENG"), Adjustment.FOLLOWING)
    >>> str(end_of_business_day(london, datetime(2026, 4, 2, 12, tzinfo=UTC), 2))  # Easter, and summer time
    '2026-04-08 23:00:00+00:00'
    """
    day = days.day_of(at)
    for _ in range(after):
        day = days.due_on(day + timedelta(days=1))
    return datetime.combine(day + timedelta(days=1), time(), days.zone).astimezone(UTC)


class ReviewTermsFiles:
    """Every version of the terms of reviews, to be found by jurisdiction and day or by digest."""

    def __init__(self, versions: Iterable[ReviewTerms], folder: Path = SHIPPED_REVIEW_TERMS) -> None:
        versions = tuple(versions)
        self._by_digest = {terms.digest: terms for terms in versions}
        self._by_jurisdiction = {
            each: one_at_a_time((terms for terms in versions if terms.jurisdiction == each), folder, each)
            for each in {terms.jurisdiction for terms in versions}
        }

    def on(self, jurisdiction: str, at: datetime) -> ReviewTerms:
        """The terms that hold in a jurisdiction at a moment; raises NoReviewTerms."""
        terms = on_day(self._by_jurisdiction.get(jurisdiction, ()), at.astimezone(UTC).date())
        if terms is None:
            raise NoReviewTerms(f"nothing says how decisions are reviewed in {jurisdiction} on {at.date()}")
        return terms

    def has(self, jurisdiction: str, day: date) -> bool:
        """Whether there are terms of reviews in a jurisdiction on a day."""
        return on_day(self._by_jurisdiction.get(jurisdiction, ()), day) is not None

    def by_digest(self, digest: str) -> ReviewTerms | None:
        return self._by_digest.get(digest)


@cache
def review_terms(folder: Path | None = None) -> ReviewTermsFiles:
    """The terms of reviews in a folder, the lender's own if none is named. Raises TermsFileFault."""
    folder = folder or lenders_own("review_terms", SHIPPED_REVIEW_TERMS)
    return ReviewTermsFiles((read_review_terms(file) for file in sorted(folder.glob("*.toml"))), folder)


def read_review_terms(file: Path) -> ReviewTerms:
    """The terms in one file; raises TermsFileFault."""
    settings = read_terms(file)
    effective_from, effective_until = effective(settings)
    notices = settings.section("notices")
    terms = ReviewTerms(
        version=settings.text("version"),
        digest=content_digest(settings.left),
        jurisdiction=settings.text("jurisdiction"),
        effective_from=effective_from,
        effective_until=effective_until,
        days=_days(settings),
        claim=timedelta(minutes=settings.whole("claim_minutes", least=1, most=24 * 60)),
        documents=settings.texts("documents"),
        documents_business_days=settings.whole("documents_business_days", least=1, most=60),
        queues=tuple(_queue(section) for section in settings.sections("queues")),
        reasons=tuple(_reason(section) for section in settings.sections("reasons")),
        notice_opened=notices.text("opened"),
        notice_decided=notices.text("decided"),
    )
    notices.done()
    settings.done()
    _check(settings, terms)
    return terms


def _days(settings: Section) -> BusinessDays:
    name = settings.text("time_zone")
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise settings.fault("time_zone", f"{name!r} is not a time zone such as Europe/London") from error
    return BusinessDays(zone, holidays_of(settings.text("calendar")), Adjustment.FOLLOWING)


def _queue(section: Section) -> ReviewQueue:
    queue = ReviewQueue(
        name=section.text("name"),
        stages=frozenset(section.some_of("stages", AssessmentStage)) if section.has("stages") else frozenset(),
        contests=section.flag("contests") if section.has("contests") else False,
        business_days=section.whole("business_days", most=60),
        overdue=section.one_of("overdue", Overdue),
        escalates_to=section.text("escalates_to") if section.has("escalates_to") else None,
    )
    if (queue.overdue is Overdue.ESCALATED) is (queue.escalates_to is None):
        raise section.fault("escalates_to", 'belongs to `overdue = "escalated"`, and to nothing else')
    section.done()
    return queue


def _reason(section: Section) -> ReviewReason:
    def flag(name: str) -> bool:
        return section.flag(name) if section.has(name) else False

    reason = ReviewReason(
        code=section.text("code"),
        verdict=section.one_of("verdict", ReviewVerdict),
        text=section.text("text"),
        answers=frozenset(section.texts("answers")) if section.has("answers") else frozenset(),
        needs_document=flag("needs_document"),
        needs_means=flag("needs_means"),
        assesses_risk=flag("assesses_risk"),
        second_look=flag("second_look"),
    )
    if reason.verdict is not ReviewVerdict.APPROVED and (reason.answers or reason.assesses_risk):
        raise section.fault("verdict", "only a reason to approve answers a policy or assesses a risk")
    section.done()
    return reason


def _check(settings: Section, terms: ReviewTerms) -> None:
    """Refuse terms under which a case could have no queue, never end, or end without a reason."""
    names = [queue.name for queue in terms.queues]
    codes = [reason.code for reason in terms.reasons]
    for place, words in (("queues", names), ("reasons", codes)):
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise settings.fault(place, f"{twice[0]} stands twice")
    for stage in AssessmentStage:
        if stage is not AssessmentStage.REVIEW and not any(stage in queue.stages for queue in terms.queues):
            raise settings.fault("queues", f"none takes the stage {stage}")
    if sum(queue.contests for queue in terms.queues) != 1:
        raise settings.fault("queues", "one of them, and only one, takes contests")
    for queue in terms.queues:
        _check_escalation(settings, terms, queue)
    for verdict in ReviewVerdict:
        if not any(reason.verdict is verdict for reason in terms.reasons):
            raise settings.fault("reasons", f"none is for the verdict {verdict}")


def _check_escalation(settings: Section, terms: ReviewTerms, queue: ReviewQueue) -> None:
    """Refuse a queue whose overdue cases go to a queue that there is not, or round in a circle."""
    names, seen, at = {each.name for each in terms.queues}, [queue.name], queue
    while at.escalates_to is not None:
        if at.escalates_to not in names or at.escalates_to in seen:
            raise settings.fault("queues", f"{queue.name} escalates to {at.escalates_to}, where nothing ends")
        seen, at = [*seen, at.escalates_to], terms.queue(at.escalates_to)
