"""The journals of a provider's payout when its money is on our bank's statement; they sum to that movement."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.journal import Journal
from ledger.money import Money
from lending.plan.when import When
from payments.collection.bookings import Collection
from payments.files.line import FileLine
from payments.ids import AttemptId, ProviderPayoutId, RefundPaymentId
from payments.line_key import LineKind
from payments.reconciliation.bookings import (
    fee_kept,
    provider_deducted,
    provider_settled,
    reserve_moved,
    return_debited,
)


@dataclass(frozen=True, slots=True)
class PayoutPart:
    """A movement inside a provider's payout; `collection` is None if the attempt is unknown.

    `group` names its group on the clearing account: the id of the attempt, of a refund's payment, or of the row itself.
    """

    line: FileLine
    group: AttemptId | RefundPaymentId | str
    collection: Collection | None = None


@dataclass(frozen=True, slots=True)
class ProviderPayout:
    """A payout with its parts. `fee` is what the provider charged for it, `fee_returned` what it gave back."""

    payout_id: ProviderPayoutId
    parts: Sequence[PayoutPart]
    fee: Money
    fee_returned: Money

    @property
    def unknown_return(self) -> FileLine | None:
        """A return of a payment that we do not know, without which the parts would not sum to the cash."""
        for part in self.parts:
            if part.line.kind is LineKind.RETURN and part.collection is None:
                return part.line
        return None

    @property
    def paid(self) -> list[AttemptId]:
        """The attempts whose money it brings."""
        captures = (part.collection for part in self.parts if part.line.kind is LineKind.CAPTURE)
        return [AttemptId(each.attempt_id) for each in captures if each is not None]


def payout_journals(payout: ProviderPayout, line: FileLine, when: When, *, provider: str, bank: str) -> list[Journal]:
    """F35a, F35c, F35d and F13d for its parts as they are, and F35b once for its fee."""
    journals: list[Journal] = []
    for part in payout.parts:
        journals += _part_journals(part, payout.payout_id, line, when, provider=provider, bank=bank)
    if payout.fee.minor or payout.fee_returned.minor:
        journals.append(
            fee_kept(
                payout.payout_id,
                payout.fee,
                payout.fee_returned,
                when,
                provider=provider,
                bank=bank,
                line_id=line.line_id,
            )
        )
    return journals


def _part_journals(
    part: PayoutPart, payout_id: ProviderPayoutId, line: FileLine, when: When, *, provider: str, bank: str
) -> list[Journal]:
    about = part.line
    ids = {"payout_id": str(payout_id), "line_id": line.line_id}
    own = {"payout_id": str(payout_id), "attempt_id": str(part.group)}
    match about.kind:
        case LineKind.CAPTURE:
            ids |= {} if part.collection is None else part.collection.correlation()
            return [provider_settled(about, when, provider=provider, bank=bank, correlation=ids)]
        case LineKind.CHARGEBACK_WON:
            ids["attempt_id"] = str(part.group)
            return [provider_settled(about, when, provider=provider, bank=bank, correlation=ids)]
        case LineKind.REFUND | LineKind.CHARGEBACK:
            return [provider_deducted(about, when, provider=provider, bank=bank, correlation=own)]
        case LineKind.RESERVE_HELD:
            return [
                reserve_moved(about, when, provider=provider, correlation=own),
                provider_deducted(about, when, provider=provider, bank=bank, correlation=own),
            ]
        case LineKind.RESERVE_RELEASED:
            return [
                reserve_moved(about, when, provider=provider, correlation=own),
                provider_settled(about, when, provider=provider, bank=bank, correlation=own),
            ]
        case LineKind.RETURN if part.collection is not None:
            collection = part.collection
            return [return_debited(collection, about.line_id, about.amount, when, bank=bank, line_id=line.line_id)]
        case _:
            raise AssertionError(f"{about.line_key} is no movement of a payout that can be booked")
