"""When a day's dues are collected and its payouts made, and how the books are asked for all of it at once."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time

from ledger.books.store import Act, Ledger, Request
from ledger.journal import Journal
from lending.plan.when import When
from payments.collection.opening import must_hold

EVENING = time(23, 59, 30)
"""Behind the last order of a day at the merchant's place, in summer and in winter."""


def evening(day: date) -> When:
    """The end of a day's business; the value date is the day at the merchant's place."""
    at = datetime.combine(day, EVENING, UTC)
    return When(day, at, at)


def post(ledger: Ledger, journals: Iterable[Journal]) -> None:
    """Post journals, all of them."""
    ask(ledger, [Request(Act.POST, each) for each in journals])


def ask(ledger: Ledger, requests: Sequence[Request]) -> None:
    """Ask the books for each of these; what is refused stops the replay."""
    for request, answer in zip(requests, ledger.post_batch(requests), strict=True):
        must_hold(answer, request.journal.entry_id)
