"""The journals of payouts to merchants."""

from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.when import When
from payments.bookings import flow_journal
from payments.files.payout_file import Payout


def merchant_settled(payout: Payout, when: When) -> Journal:
    """F07a: a payout is on its way to the merchant."""
    return flow_journal(
        Flow.MERCHANT_SETTLED, payout.payout_id, when, ids_of(payout), {"payout": payout.amount}, payee_of(payout)
    )


def reserve_held(merchant_id: str, payout_id: str, kept: Money, when: When) -> Journal:
    """F08: a part of a payout's sales is kept in reserve."""
    return flow_journal(
        Flow.MERCHANT_RESERVE, payout_id, when, {"payout_id": payout_id}, {"held": kept}, {"merchant": merchant_id}
    )


def reserve_released(merchant_id: str, kept_by: str, payout_id: str, kept: Money, when: When) -> Journal:
    """F08 reversed: the reserve that the payout `kept_by` kept goes into a later payout."""
    key = f"{kept_by}/released"
    return flow_journal(
        Flow.MERCHANT_RESERVE, key, when, {"payout_id": payout_id}, {"released": kept}, {"merchant": merchant_id}
    )


def receivable_netted(merchant_id: str, payout_id: str, owed: Money, when: When) -> Journal:
    """F21c: net what a merchant owes us against what we owe the merchant."""
    return flow_journal(
        Flow.RECEIVABLE_NETTED, payout_id, when, {"payout_id": payout_id}, {"netted": owed}, {"merchant": merchant_id}
    )


def payee_of(payout: Payout) -> dict[str, str]:
    return {"merchant": payout.payee_id}


def ids_of(payout: Payout, **others: str) -> dict[str, str]:
    return {"payout_id": payout.payout_id, **others}
