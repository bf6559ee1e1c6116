"""The facts published for a provider's settlement file: one for each of its rows."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ledger.outbox.outbox import Fact, fact
from lending.plan.when import When
from payments.expectation_key import CaptureKey, ReturnKey
from payments.files.line import FileLine
from payments.files.provider_settlement import SIGN, WRITTEN
from payments.ids import AttemptId


def attempt_of(line: FileLine) -> AttemptId | None:
    """The attempt that a row of a settlement file names, if any."""
    match line.key:
        case CaptureKey(attempt_id) | ReturnKey(attempt_id):
            return attempt_id
        case _:
            return None


def settlement_facts(
    lines: Iterable[FileLine], plans: Mapping[AttemptId, str], provider: str, taken_at: datetime
) -> list[Fact]:
    """The facts of rows. Ordered by plan for rows of an attempt (`plans` is by attempt), else by settlement.

    `occurred_at` is the day on which the row was booked. If that day is in the future, `recorded_at` is that day too.
    """
    return [
        fact(
            "settlement_line.v1",
            f"settlement:{provider}:{line.line_key}",
            plans.get(attempt_of(line) or AttemptId(""), str(line.payout_id)),
            {
                "line_id": line.line_id,
                "settlement_id": line.payout_id,
                "provider": provider,
                "attempt_id": attempt_of(line),
                "provider_reference": line.reference,
                "kind": WRITTEN.get(line.kind, line.kind.value),
                "amount_minor": line.amount.minor * SIGN[line.kind],
                "currency": line.amount.currency.value,
                "settled_on": line.reported_on.isoformat(),
            },
            occurred_at=When.day(line.booked_on).occurred_at,
            recorded_at=taken_at,
        )
        for line in lines
    ]
