"""One amount moving between two accounts: the only thing a ledger records."""

from dataclasses import dataclass

from ledger.money import Money


class TransferFault(ValueError):
    """Raised for a transfer that moves nothing, or moves it nowhere."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A positive amount that debits one account and credits another, so an unbalanced one cannot be written down."""

    debit: str
    credit: str
    amount: Money

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise TransferFault(f"debit {self.debit}, credit {self.credit}: {self.amount} is not more than zero")
        if self.debit == self.credit:
            raise TransferFault(f"{self.debit} cannot be both sides of a transfer")
