"""Which flow of the money map each payment event without a plan event is, and its amounts."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.flows import journal
from ledger.journal import Journal
from ledger.money import Money
from lending.booking import correlation_of
from lending.plan import Instalment, Plan
from lending.when import When
from payments.line import FileLine, LineKind
from payments.payout_file import Payout
from payments.refund_payment import RefundPayment, Way


@dataclass(frozen=True, slots=True)
class Collection:
    """One attempt to collect an instalment, and the rail and provider it goes by."""

    plan: Plan
    instalment: Instalment
    attempt_id: str
    rail: str
    provider: str

    @property
    def names(self) -> Mapping[str, str]:
        return {"plan": self.plan.plan_id, "rail": self.rail, "provider": self.provider}

    def correlation(self, **others: str) -> dict[str, str]:
        return correlation_of(self.plan, instalment=self.instalment, attempt_id=self.attempt_id, **others)


@dataclass(frozen=True, slots=True)
class Components:
    """What an attempt asks for."""

    principal: Money
    interest: Money
    fees: Money

    def amounts(self) -> Mapping[str, Money]:
        return {"fees": self.fees, "interest": self.interest, "principal": self.principal}


# ── collection ──────────────────────────────────────────────────────────────────────────────────────────────────────


def attempt_claimed(collection: Collection, asks: Components, when: When) -> Journal:
    """F12a, to be held: the amount is being asked for, and nobody else can ask for it again."""
    ids = collection.correlation()
    return _journal("F12a", collection.attempt_id, when, ids, asks.amounts(), collection.names)


def return_debited(
    collection: Collection, return_id: str, amount: Money, when: When, *, bank: str, line_id: str
) -> Journal:
    """F13d: a returned payment is missing in what the bank's statement shows."""
    ids = collection.correlation(return_id=return_id, line_id=line_id)
    return _journal("F13d", return_id, when, ids, {"cash": amount}, {**collection.names, "bank": bank})


def provider_settled(
    key: str, *, provider: str, bank: str, cash: Money, fee: Money, correlation: Mapping[str, str], when: When
) -> Journal:
    """F35a: a provider pays out, net of its fee.

    `key` names the part of the payout. The attempt it pays for goes into `correlation`, so that the attempt's group on
    the clearing account returns to zero.
    """
    names = {"provider": provider, "bank": bank}
    return _journal("F35a", key, when, correlation, {"cash": cash, "fee": fee}, names)


# ── merchants ───────────────────────────────────────────────────────────────────────────────────────────────────────


def merchant_settled(payout: Payout, when: When) -> Journal:
    """F07a: what is owed to a merchant is on its way."""
    return _journal("F07a", payout.payout_id, when, _of(payout), {"payout": payout.amount}, _merchant(payout))


def payout_confirmed(payout: Payout, when: When, *, bank: str, line_id: str) -> Journal:
    """F07b: the bank's statement shows the payout."""
    names = {**_merchant(payout), "bank": bank}
    return _journal("F07b", payout.payout_id, when, _of(payout, line_id=line_id), {"payout": payout.amount}, names)


def payout_returned(payout: Payout, when: When, *, bank: str, line_id: str) -> tuple[Journal, Journal]:
    """F07c, twice: the bank brings a payout back; then it is owed to the merchant again."""
    names, ids = {**_merchant(payout), "bank": bank}, _of(payout, line_id=line_id)
    return (
        _journal("F07c", f"{payout.payout_id}/back", when, ids, {"money_back": payout.amount}, names),
        _journal("F07c", f"{payout.payout_id}/owed", when, ids, {"owed_again": payout.amount}, names),
    )


def reserve_held(merchant_id: str, payout_id: str, kept: Money, when: When) -> Journal:
    """F08: a part of a payout's sales is kept back."""
    return _journal("F08", payout_id, when, {"payout_id": payout_id}, {"held": kept}, {"merchant": merchant_id})


def reserve_released(merchant_id: str, kept_by: str, payout_id: str, kept: Money, when: When) -> Journal:
    """F08 the other way: what the payout `kept_by` kept back goes into a later payout."""
    key = f"{kept_by}/released"
    return _journal("F08", key, when, {"payout_id": payout_id}, {"released": kept}, {"merchant": merchant_id})


def receivable_netted(merchant_id: str, payout_id: str, owed: Money, when: When) -> Journal:
    """F21c: what a merchant owes us is taken from what we owe it."""
    return _journal("F21c", payout_id, when, {"payout_id": payout_id}, {"netted": owed}, {"merchant": merchant_id})


# ── refunds ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def refund_claimed(payment: RefundPayment, when: When, *, provider: str, bank: str) -> Journal:
    """F24h, to be held: a refund is on its way to the shopper."""
    return _journal("F24h", payment.payment_id, when, _ids(payment), _sent(payment), _ends(payment, provider, bank))


def refund_paid(payment: RefundPayment, when: When, *, provider: str, bank: str, line_id: str | None = None) -> Journal:
    """F24, posts F24h: the shopper has the refund, from the provider or from our bank."""
    ids = _ids(payment) | ({} if line_id is None else {"line_id": line_id})
    return _journal("F24", payment.payment_id, when, ids, _sent(payment), _ends(payment, provider, bank))


def refund_failed(payment: RefundPayment, when: When, *, provider: str, bank: str, line_id: str) -> Journal:
    """F24f: a refund came back, and is owed to the shopper again."""
    ids = {**_ids(payment), "line_id": line_id}
    return _journal("F24f", payment.payment_id, when, ids, _sent(payment), _ends(payment, provider, bank))


def refund_settled(line: FileLine, payment_id: str, *, provider: str, bank: str, when: When) -> Journal:
    """F35d: what the provider gave back to a shopper is missing in its payout."""
    ids = {"attempt_id": payment_id, "payout_id": str(line.payout_id)}
    return _journal("F35d", line.line_id, when, ids, {"cash": line.amount}, {"provider": provider, "bank": bank})


# ── disputes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def chargeback_settled(line: FileLine, attempt_id: str, *, provider: str, bank: str, when: When) -> Journal:
    """F35d: what the shopper's bank took back is missing in the provider's payout; F35a: or comes with it."""
    ids = {"attempt_id": attempt_id, "payout_id": str(line.payout_id)}
    flow = "F35d" if line.kind is LineKind.CHARGEBACK else "F35a"
    return _journal(flow, line.line_id, when, ids, {"cash": line.amount}, {"provider": provider, "bank": bank})


def claim_taken(case_id: str, line: FileLine, when: When, *, provider: str, bank: str) -> Journal:
    """F14b: the cash of a claim has left our bank account."""
    ids = {"case_id": case_id, "line_id": line.line_id}
    return _journal("F14b", case_id, when, ids, {"cash": line.amount}, {"provider": provider, "bank": bank})


def claim_identified(case_id: str, line: FileLine, when: When, *, provider: str) -> Journal:
    """F37b: a debit that nobody knew was the cash of a claim; it stands for F14b."""
    ids = {"case_id": case_id, "line_id": line.line_id}
    return _journal("F37b", line.line_id, when, ids, {"claim": line.amount}, {"provider": provider})


def payout_identified(payout: Payout, line: FileLine, when: When) -> Journal:
    """F37b: a debit that nobody knew was a payout to a merchant; it stands for F07b."""
    ids = _of(payout, line_id=line.line_id)
    return _journal("F37b", line.line_id, when, ids, {"payout": line.amount}, _merchant(payout))


def _ids(payment: RefundPayment) -> dict[str, str]:
    """The payment stands for the attempt on the clearing account, so that its group there returns to zero."""
    return {"refund_id": payment.refund_id, "plan_id": payment.plan_id, "attempt_id": payment.payment_id}


def _sent(payment: RefundPayment) -> dict[str, Money]:
    return {"netted" if payment.way is Way.PROVIDER else "cash": payment.amount}


def _ends(payment: RefundPayment, provider: str, bank: str) -> dict[str, str]:
    return {"shopper": payment.shopper_id, "provider": provider, "bank": bank}


# ── the bank ────────────────────────────────────────────────────────────────────────────────────────────────────────


def unidentified_credit(line_id: str, bank: str, amount: Money, when: When) -> Journal:
    """F36a: money is on the statement and nobody knows yet whose it is."""
    return _journal("F36a", line_id, when, {"line_id": line_id}, {"cash": amount}, {"bank": bank})


def capital_paid_in(key: str, bank: str, amount: Money, when: When) -> Journal:
    """F49: the owners' money."""
    return _journal("F49", key, when, {}, {"capital": amount}, {"bank": bank})


def unidentified_debit(line_id: str, bank: str, amount: Money, when: When) -> Journal:
    """F37a: money left the bank and nobody knows yet what for."""
    return _journal("F37a", line_id, when, {"line_id": line_id}, {"cash": amount}, {"bank": bank})


def _merchant(payout: Payout) -> dict[str, str]:
    return {"merchant": payout.payee_id}


def _of(payout: Payout, **others: str) -> dict[str, str]:
    return {"payout_id": payout.payout_id, **others}


def _journal(  # noqa: PLR0917 - the one call that each booking above spells out
    flow: str,
    key: str,
    when: When,
    correlation: Mapping[str, str],
    amounts: Mapping[str, Money],
    names: Mapping[str, str],
) -> Journal:
    return journal(
        flow,
        key=key,
        value_date=when.value_date,
        occurred_at=when.occurred_at,
        recorded_at=when.recorded_at,
        correlation=correlation,
        amounts=amounts,
        names=names,
    )
