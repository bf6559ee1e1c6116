"""A transfer: one amount moving between two accounts, the unit that the ledger records."""

from dataclasses import dataclass

from ledger.money import Money


class TransferFault(ValueError):
    """Raised for an amount that is not positive, or for two equal accounts."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A positive amount that debits one account and credits another; an unbalanced one cannot be represented."""

    debit: str
    credit: str
    amount: Money

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise TransferFault(f"debit {self.debit}, credit {self.credit}: {self.amount} is not more than zero")
        if self.debit == self.credit:
            raise TransferFault(f"{self.debit} cannot be both sides of a transfer")
