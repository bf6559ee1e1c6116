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
from payments.line_key import LineKey, LineKind
from payments.merchants.bookings import ids_of, payee_of


def return_debited(
    collection: Collection, return_id: str, amount: Money, when: When, *, bank: str, line_id: str
) -> Journal:
    """F13d: a returned payment is deducted from the payout on the bank statement."""
    ids = collection.correlation(return_id=return_id, line_id=line_id)
    return flow_journal(Flow.RETURN_DEBITED, return_id, when, ids, {"cash": amount}, {**collection.names, "bank": bank})


def provider_settled(
    key: str, *, provider: str, bank: str, cash: Money, fee: Money, correlation: Mapping[str, str], when: When
) -> Journal:
    """F35a: a provider pays out, net of its fee.

    `key` names the part of the payout. `correlation` holds the attempt that it pays for, so that the attempt's clearing
    group returns to zero.
    """
    names = {"provider": provider, "bank": bank}
    return flow_journal(Flow.PROVIDER_SETTLED, key, when, correlation, {"cash": cash, "fee": fee}, names)


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


def refund_settled(line: FileLine, payment_id: str, *, provider: str, bank: str, when: When) -> Journal:
    """F35d: a refund that the provider paid is deducted from its payout."""
    ids = {"attempt_id": payment_id, "payout_id": str(line.payout_id)}
    return flow_journal(
        Flow.PROVIDER_DEBITED, line.line_id, when, ids, {"cash": line.amount}, {"provider": provider, "bank": bank}
    )


def chargeback_settled(line: FileLine, attempt_id: str, *, provider: str, bank: str, when: When) -> Journal:
    """F35d: a charge-back is deducted from the provider's payout."""
    ids = {"attempt_id": attempt_id, "payout_id": str(line.payout_id)}
    names = {"provider": provider, "bank": bank}
    return flow_journal(Flow.PROVIDER_DEBITED, line.line_id, when, ids, {"cash": line.amount}, names)


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


def sent_back(credit: LineKey, line: FileLine, when: When, *, bank: str) -> Journal:
    """F36b: the money of an unidentified credit has left our bank for its sender."""
    ids, names = {"line_id": credit.line_id}, {"bank": bank}
    return flow_journal(Flow.CREDIT_IDENTIFIED, f"{credit}/back", when, ids, {"sent_back": line.amount}, names)


def worked_off(line: FileLine, key: str, when: When) -> Journal:
    """F36b or F37b: a credit that nobody claims is kept for its owner; a debit that nothing explains is a charge."""
    ids = {"line_id": line.line_id}
    if line.kind is LineKind.DEBIT:
        return flow_journal(Flow.DEBIT_IDENTIFIED, key, when, ids, {"fee": line.amount}, {})
    return flow_journal(Flow.CREDIT_IDENTIFIED, key, when, ids, {"unclaimed": line.amount}, {})


def tolerated(key: str, group: str, residue: Money, when: When, *, provider: str) -> Journal:
    """F39: what is left in a group of the provider's clearing account, debits less credits, is tolerated."""
    amounts = {"short": residue} if residue.minor > 0 else {"over": -residue}
    return flow_journal(Flow.TOLERANCE_DIFFERENCE, key, when, {"attempt_id": group}, amounts, {"provider": provider})


def unidentified_credit(line_id: str, bank: str, amount: Money, when: When) -> Journal:
    """F36a: a credit on the statement is not identified yet and goes to suspense."""
    return flow_journal(Flow.UNIDENTIFIED_CREDIT, line_id, when, {"line_id": line_id}, {"cash": amount}, {"bank": bank})


def unidentified_debit(line_id: str, bank: str, amount: Money, when: When) -> Journal:
    """F37a: a debit on the statement is not identified yet and goes to suspense."""
    return flow_journal(Flow.UNIDENTIFIED_DEBIT, line_id, when, {"line_id": line_id}, {"cash": amount}, {"bank": bank})
