"""Reads a provider's own report of a payout (GoCardless, Stripe) into the lines of a settlement file.

A report names our charges by the provider's ids. Which attempt each one is, the caller knows.
"""

from collections.abc import Callable, Mapping, Sequence

from data_contracts.files import FileFault
from ledger.money import Money
from payments.expectation_key import CaptureKey, ClaimKey, ClaimWonKey, ExpectationKey, PayoutKey, RefundKey, ReturnKey
from payments.files.control_file import FileContent
from payments.files.line import FileLine, ParsedFile
from payments.files.provider_settlement import SETTLEMENT
from payments.files.world.gocardless import PAYOUT_ITEMS, pages_of_gocardless
from payments.files.world.gocardless_payout import read_gocardless_payout
from payments.files.world.json_file import load_json
from payments.files.world.reported_payout import MovementKind, PayoutMovement, ReportedPayout
from payments.files.world.source_file import SourceFile
from payments.files.world.stripe_balance import objects_of_stripe
from payments.files.world.stripe_payout import read_stripe_payout
from payments.ids import AttemptId, CaseId, ProviderPayoutId, RefundPaymentId
from payments.line_key import LineKind

AttemptsOf = Callable[[Sequence[str]], Mapping[str, AttemptId]]
"""The attempts that a provider's ids of charges stand for."""
RefundsOf = Callable[[Sequence[str]], Mapping[str, RefundPaymentId]]
"""The payments of refunds that a provider's ids of refunds stand for."""

_KINDS = {
    MovementKind.TAKEN: LineKind.CAPTURE,
    MovementKind.RETURNED: LineKind.RETURN,
    MovementKind.REFUNDED: LineKind.REFUND,
    MovementKind.DISPUTED: LineKind.CHARGEBACK,
    MovementKind.DISPUTE_WON: LineKind.CHARGEBACK_WON,
}


def read_provider_report(
    content: FileContent, max_bytes: int, attempts_of: AttemptsOf, refunds_of: RefundsOf
) -> ParsedFile:
    """The lines of the payout in the file; raises FileFault."""
    source = SourceFile.of(content.path, max_bytes)
    tree = load_json(source)
    pages = pages_of_gocardless(tree)
    if pages and any(PAYOUT_ITEMS in page for page in pages):
        payout = read_gocardless_payout(source, pages)
    elif not pages and (objects := objects_of_stripe(tree)):
        payout = read_stripe_payout(source, objects, more=tree.get("has_more") is True)
    else:
        raise FileFault(content.path, 0, "(file)", "JSON without the items of a payout: nothing of it is reconciled")
    content.dated(0, "created", payout.on)
    if payout.fee_minor < 0 or payout.paid_minor <= 0:
        reason = f"pays {payout.paid_minor} with a fee of {payout.fee_minor}: a payout pays us, and costs a fee"
        raise FileFault(content.path, 0, payout.payout_id, reason)
    charges = [each.reference for each in payout.movements if each.kind in _OF_CHARGES]
    refunds = [each.reference for each in payout.movements if each.kind is MovementKind.REFUNDED]
    charged, refunded = attempts_of(charges), refunds_of(refunds)
    lines = [_line(each, payout, _key(each, charged, refunded)) for each in payout.movements]
    return ParsedFile(SETTLEMENT, [*lines, *_totals(payout)])


_OF_CHARGES = (MovementKind.TAKEN, MovementKind.RETURNED)


def _line(movement: PayoutMovement, payout: ReportedPayout, key: ExpectationKey) -> FileLine:
    return FileLine(
        line_id=f"{payout.payout_id}/{movement.line_id}",
        kind=_KINDS[movement.kind],
        amount=Money(movement.minor, payout.currency),
        booked_on=payout.on,
        reported_on=payout.on,
        key=key,
        payout_id=ProviderPayoutId(payout.payout_id),
        reference=movement.reference,
    )


def _key(
    movement: PayoutMovement, charged: Mapping[str, AttemptId], refunded: Mapping[str, RefundPaymentId]
) -> ExpectationKey:
    """What the movement is of. What we do not know keeps the provider's id, which nothing expects."""
    attempt = charged.get(movement.reference, AttemptId(movement.reference))
    match movement.kind:
        case MovementKind.TAKEN:
            return CaptureKey(attempt)
        case MovementKind.RETURNED:
            return ReturnKey(attempt)
        case MovementKind.REFUNDED:
            return RefundKey(refunded.get(movement.reference, RefundPaymentId(movement.reference)))
        case MovementKind.DISPUTED:
            return ClaimKey(CaseId(movement.reference))
        case MovementKind.DISPUTE_WON:
            return ClaimWonKey(CaseId(movement.reference))


def _totals(payout: ReportedPayout) -> list[FileLine]:
    """The fee, if any, and the payout itself."""
    payout_id = ProviderPayoutId(payout.payout_id)
    rows = [
        (LineKind.FEE, "fee", payout.fee_minor, None),
        (LineKind.PAYOUT, "out", payout.paid_minor, PayoutKey(payout_id)),
    ]
    return [
        FileLine(
            line_id=f"{payout_id}/{name}",
            kind=kind,
            amount=Money(minor, payout.currency),
            booked_on=payout.on,
            reported_on=payout.on,
            key=key,
            payout_id=payout_id,
        )
        for kind, name, minor, key in rows
        if minor
    ]
