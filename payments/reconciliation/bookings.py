"""The journals of lines from a provider's file or a bank statement, matched or not."""

from collections.abc import Mapping

from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.when import When
from payments.bookings import flow_journal
from payments.collection.bookings import Collection
from payments.files.line import FileLine
from payments.files.payout_file import Payout
from payments.ids import ProviderPayoutId
from payments.line_key import LineKind
from payments.merchants.bookings import ids_of, payee_of


def return_debited(
    collection: Collection, return_id: str, amount: Money, when: When, *, bank: str, line_id: str
) -> Journal:
    """F13d: a returned payment is deducted from the payout on the bank statement."""
    ids = collection.correlation(return_id=return_id, line_id=line_id)
    return flow_journal(Flow.RETURN_DEBITED, return_id, when, ids, {"cash": amount}, {**collection.names, "bank": bank})


def provider_settled(
    part: FileLine, when: When, *, provider: str, bank: str, correlation: Mapping[str, str]
) -> Journal:
    """F35a: a part of a provider's payout is in the bank, as a whole; the fee is booked once for the payout.

    `correlation` holds the attempt that it pays for, so that the attempt's clearing group returns to zero.
    """
    names = {"provider": provider, "bank": bank}
    return flow_journal(Flow.PROVIDER_SETTLED, part.line_id, when, correlation, {"cash": part.amount}, names)


def fee_kept(
    payout_id: ProviderPayoutId, fee: Money, returned: Money, when: When, *, provider: str, bank: str, line_id: str
) -> Journal:
    """F35b: what a provider kept of a payout as its fee, and what it gave back of earlier fees."""
    ids = {"payout_id": str(payout_id), "line_id": line_id}
    amounts = {name: amount for name, amount in (("cash", fee), ("given_back", returned)) if amount.minor}
    return flow_journal(Flow.PROVIDER_INVOICED, payout_id, when, ids, amounts, {"provider": provider, "bank": bank})


def provider_deducted(
    part: FileLine, when: When, *, provider: str, bank: str, correlation: Mapping[str, str]
) -> Journal:
    """F35d: a refund, a charge-back or a reserve is deducted from a provider's payout."""
    names = {"provider": provider, "bank": bank}
    return flow_journal(Flow.PROVIDER_DEBITED, part.line_id, when, correlation, {"cash": part.amount}, names)


def reserve_moved(part: FileLine, when: When, *, provider: str, correlation: Mapping[str, str]) -> Journal:
    """F35c: a provider withholds money of ours as a reserve, or releases it."""
    name = "held" if part.kind is LineKind.RESERVE_HELD else "released"
    return flow_journal(
        Flow.PROVIDER_RESERVE, part.line_id, when, correlation, {name: part.amount}, {"provider": provider}
    )


def tolerance_booked(
    line: FileLine, difference: Money, when: When, *, provider: str, bank: str
) -> tuple[Journal, Journal]:
    """F39 and the cash of a difference within the tolerance; more came than was expected where it is above zero."""
    ids, names = {"attempt_id": line.line_id}, {"provider": provider, "bank": bank}
    over = difference.minor > 0
    amount = difference if over else -difference
    kind, cash = ("over", Flow.PROVIDER_SETTLED) if over else ("short", Flow.PROVIDER_DEBITED)
    return (
        flow_journal(Flow.TOLERANCE_DIFFERENCE, line.line_id, when, ids, {kind: amount}, {"provider": provider}),
        flow_journal(cash, line.line_id, when, ids, {"cash": amount}, names),
    )


def payout_converted(line: FileLine, sold: Money, agreed: Money, when: When, *, bank: str) -> list[Journal]:
    """F41c: a bank credits a payout in another currency; F41 for what that is more or less than agreed.

    The payout itself is booked in its own currency, which the conversion takes out of the bank again.
    """
    ids, names = {"business_date": when.value_date.isoformat()}, {"sold": bank, "bought": bank}
    journals = [
        flow_journal(Flow.CURRENCY_CONVERTED, line.line_id, when, ids, {"sold": sold, "bought": line.amount}, names)
    ]
    result = line.amount - agreed
    if result.minor:
        kind = "gain" if result.minor > 0 else "loss"
        amounts = {kind: result if result.minor > 0 else -result}
        journals.append(flow_journal(Flow.POSITION_REVALUED, line.line_id, when, ids, amounts, {}))
    return journals


def payout_confirmed(payout: Payout, when: When, *, bank: str, line_id: str) -> Journal:
    """F07b: the bank statement shows the payout."""
    names = {**payee_of(payout), "bank": bank}
    return flow_journal(
        Flow.PAYOUT_CONFIRMED, payout.payout_id, when, ids_of(payout, line_id=line_id), {"payout": payout.amount}, names
    )


def payout_returned(payout: Payout, when: When, *, bank: str, line_id: str) -> tuple[Journal, Journal]:
    """F07c, two journals: the bank returns a payout to us, and it is owed to the merchant again."""
    names, ids = {**payee_of(payout), "bank": bank}, ids_of(payout, line_id=line_id)
    return (
        flow_journal(Flow.PAYOUT_RETURNED, f"{payout.payout_id}/back", when, ids, {"money_back": payout.amount}, names),
        flow_journal(Flow.PAYOUT_RETURNED, f"{payout.payout_id}/owed", when, ids, {"owed_again": payout.amount}, names),
    )


def claim_taken(case_id: str, line: FileLine, when: When, *, provider: str, bank: str) -> Journal:
    """F14b: the cash of a claim has left our bank account."""
    ids = {"case_id": case_id, "line_id": line.line_id}
    return flow_journal(
        Flow.CLAIM_TAKEN, case_id, when, ids, {"cash": line.amount}, {"provider": provider, "bank": bank}
    )


def claim_identified(case_id: str, line: FileLine, when: When, *, provider: str) -> Journal:
    """F37b: an unidentified debit turns out to be the cash of a claim; posted instead of F14b."""
    ids = {"case_id": case_id, "line_id": line.line_id}
    return flow_journal(Flow.DEBIT_IDENTIFIED, line.line_id, when, ids, {"claim": line.amount}, {"provider": provider})


def payout_identified(payout: Payout, line: FileLine, when: When) -> Journal:
    """F37b: an unidentified debit turns out to be a payout to a merchant; posted instead of F07b."""
    ids = ids_of(payout, line_id=line.line_id)
    return flow_journal(Flow.DEBIT_IDENTIFIED, line.line_id, when, ids, {"payout": line.amount}, payee_of(payout))


def unidentified_credit(line_id: str, bank: str, amount: Money, when: When) -> Journal:
    """F36a: a credit on the statement is not identified yet and goes to suspense."""
    return flow_journal(Flow.UNIDENTIFIED_CREDIT, line_id, when, {"line_id": line_id}, {"cash": amount}, {"bank": bank})


def unidentified_debit(line_id: str, bank: str, amount: Money, when: When) -> Journal:
    """F37a: a debit on the statement is not identified yet and goes to suspense."""
    return flow_journal(Flow.UNIDENTIFIED_DEBIT, line_id, when, {"line_id": line_id}, {"cash": amount}, {"bank": bank})
