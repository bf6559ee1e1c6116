"""The time of a day's collections and payouts, and batch posting to a till's books."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time

from ledger.books.store import Act, Request
from ledger.journal import Journal
from lending.plan.when import When
from payments.collection.opening import must_hold
from payments.till import Till

EVENING = time(23, 59, 30)
"""After the last order of a day at the merchant's place, in summer and winter time alike (UTC)."""


def evening(day: date) -> When:
    """The end of a business day; the value date is the day at the merchant's place."""
    at = datetime.combine(day, EVENING, UTC)
    return When(day, at, at)


def post(till: Till, journals: Iterable[Journal]) -> None:
    """Post journals; raises when one is refused."""
    ask(till, [Request(Act.POST, each) for each in journals])


def ask(till: Till, requests: Sequence[Request]) -> None:
    """Send requests to the books in one batch; a refusal stops the replay."""
    for request, answer in zip(requests, till.ledger.post_batch(requests), strict=True):
        must_hold(answer, request.journal.entry_id)
