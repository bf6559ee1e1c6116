"""What is owed off the books, by component and instalment, and what we gave up of a debt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lending.terms.servicing_terms import Component


@dataclass(slots=True, eq=False)
class Owed:
    """An amount owed, by component."""

    principal: int = 0
    interest: int = 0
    fees: int = 0

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.fees

    def take(self, amount: int) -> "Owed":
        """Reduce what is owed by up to an amount, principal first; returns the reduction."""
        principal = min(amount, self.principal)
        interest = min(amount - principal, self.interest)
        fees = min(amount - principal - interest, self.fees)
        self.add(Owed(-principal, -interest, -fees))
        return Owed(principal, interest, fees)

    def add(self, more: "Owed") -> None:
        self.principal += more.principal
        self.interest += more.interest
        self.fees += more.fees


class Debt:
    """A charged-off debt, by instalment and component."""

    def __init__(self, parts: Mapping[str, Owed] | None = None) -> None:
        self.parts = dict(parts or {})

    @property
    def principal(self) -> int:
        return sum(part.principal for part in self.parts.values())

    @property
    def total(self) -> int:
        return sum(part.total for part in self.parts.values())

    def take(self, amount: int) -> Owed:
        """Reduce the debt by up to an amount, principal first, the oldest first; returns the reduction."""
        taken = Owed()
        for component in ("principal", "interest", "fees"):
            for part in self.parts.values():
                fallen = min(amount - taken.total, getattr(part, component))
                setattr(part, component, getattr(part, component) - fallen)
                setattr(taken, component, getattr(taken, component) + fallen)
        return taken

    def pay(self, amount: int, order: Sequence[Component]) -> Owed:
        """Reduce the debt by up to an amount, the oldest first, each in this order; returns the reduction."""
        paid = Owed()
        for part in self.parts.values():
            for component in order:
                fallen = min(amount - paid.total, getattr(part, component.value))
                setattr(part, component.value, getattr(part, component.value) - fallen)
                setattr(paid, component.value, getattr(paid, component.value) + fallen)
        return paid

    def add(self, instalment_id: str, more: Owed) -> None:
        self.parts.setdefault(instalment_id, Owed()).add(more)


@dataclass(slots=True, eq=False)
class Forgiven:
    """What we gave up of what the shopper owed for the purchase, by the expense that bears it."""

    goodwill: int = 0
    charge_off: int = 0
    fraud: int = 0

    def restore(self, amount: int) -> dict[str, int]:
        """Take back up to an amount of what was given up; returns the amounts by the expense that falls."""
        restored = {}
        for name in ("goodwill", "charge_off", "fraud"):
            given = getattr(self, name)
            restored[name] = min(amount, given)
            setattr(self, name, given - restored[name])
            amount -= restored[name]
        return restored
