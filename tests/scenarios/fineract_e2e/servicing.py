"""The servicing terms that a peer's product has with us, and what its settings ask for that they cannot say."""

from collections.abc import Sequence
from decimal import Decimal

from lending.terms.servicing_terms import (
    ChargeOffInterest,
    ClaimDue,
    ClaimRule,
    Component,
    EarlyPayment,
    InterestRule,
    LateInterest,
    LaterShipment,
    PayoffInterest,
    ServicingTerms,
    ShipmentRule,
)
from tests.scenarios.fineract_e2e.product import DEFAULT, DOWN_PAYMENT_PERCENT, InAdvance, Part, PeerSettings
from tests.scenarios.fineract_e2e.product import ChargeOffInterest as PeerChargeOff
from tests.scenarios.fineract_e2e.schedule import DAY_COUNTS, WHOLE_UNIT, spacing_of
from tests.scenarios.fineract_e2e.story import Act, ActKind, PeerLoan

_COMPONENT = {
    Part.PENALTY: Component.FEES,
    Part.FEE: Component.FEES,
    Part.INTEREST: Component.INTEREST,
    Part.PRINCIPAL: Component.PRINCIPAL,
}


def lacking(terms: PeerLoan, acts: Sequence[Act]) -> tuple[str, ...]:
    """What the product's settings ask for, and these acts need, that the engine has no setting for."""
    settings = terms.product
    found = []
    if _component_order(settings.allocation) is None:
        found.append("penalties_apart_from_fees")
    return tuple(found)


def _rule_name(act: Act) -> str:
    return act.name.upper().replace(" ", "_")


def _component_order(parts: Sequence[Part]) -> tuple[Component, ...] | None:
    """Our order of components, or None where penalties and fees are not paid next to one another."""
    order = [_COMPONENT[part] for part in parts]
    merged = tuple(dict.fromkeys(order))
    together = [component for place, component in enumerate(order) if place == 0 or order[place - 1] is not component]
    return merged if len(together) == len(merged) else None


_EARLY = {
    InAdvance.NEXT: EarlyPayment.NEXT_DUES,
    InAdvance.NEXT_THEN_LAST: EarlyPayment.NEXT_THEN_LAST,
    InAdvance.LAST: EarlyPayment.LAST_DUES,
    InAdvance.REAMORTISED: EarlyPayment.EQUAL_PARTS,
}


def _restores(settings: PeerSettings) -> tuple[Component, ...]:
    """The components that a charge-back makes owed again; the peer's older products make all of it principal."""
    order = settings.credit_allocation if settings.progressive else None
    return tuple(dict.fromkeys(_COMPONENT[part] for part in order or (Part.PRINCIPAL,)))


_CHARGE_OFF_INTEREST = {
    PeerChargeOff.KEPT: ChargeOffInterest.AGREED,
    PeerChargeOff.ZERO: ChargeOffInterest.ACCRUED,
    PeerChargeOff.ACCELERATED: ChargeOffInterest.ACCELERATED,
}


def _shipments(terms: PeerLoan) -> ShipmentRule:
    settings = terms.product
    later = LaterShipment.OWN_TERM if settings.full_term_tranches else LaterShipment.LEVEL_AGAIN
    return ShipmentRule(
        LaterShipment.IN_PROPORTION if terms.flat and terms.rate_percent else later,
        WHOLE_UNIT if settings.whole_units else 1,
        Decimal(DOWN_PAYMENT_PERCENT if settings.down_payment else 0),
        spacing_of(terms.every, terms.unit),
    )


def _none_refunds_interest(refunds: Sequence[Act]) -> bool:
    """Whether the scenario asks of every refund that it leaves interest as it is."""
    return all(act.refunds_interest is False for act in refunds)


def servicing_of(terms: PeerLoan, acts: Sequence[Act], day_count: str) -> ServicingTerms:
    settings = terms.product
    refunds = [act for act in acts if act.kind is ActKind.REFUNDED]
    gifts = [act for act in acts if act.kind in {ActKind.GOODWILL, ActKind.INTEREST_PAYMENT_WAIVED}]
    rule = settings.ahead(_rule_name(refunds[0])) if refunds else InAdvance.LAST
    spacing = spacing_of(terms.every, terms.unit)
    shipments = _shipments(terms)
    return ServicingTerms(
        version="fineract",
        allocation_past_due=_component_order(settings.allocation_of(DEFAULT).late),
        shipments=shipments,
        allocation_in_advance=_component_order(settings.allocation_ahead),
        allocation=_component_order(settings.allocation) or (Component.INTEREST, Component.PRINCIPAL, Component.FEES),
        allocate_across=settings.vertical,
        refunds_pay=_EARLY[rule],
        goodwill_pays=_EARLY[settings.ahead(_rule_name(gifts[0]) if gifts else "GOODWILL_CREDIT")],
        refunds_allocation=_component_order(settings.allocation_of(_rule_name(refunds[0])).ahead) if refunds else None,
        goodwill_allocation=_component_order(settings.allocation_of(_rule_name(gifts[0])).ahead) if gifts else None,
        refunds_interest=settings.refunds_interest and not (refunds and _none_refunds_interest(refunds)),
        interest=InterestRule(DAY_COUNTS[day_count], spacing, settings.first_day_bears),
        interest_as_agreed=not settings.recalculates_interest,
        early_payment=_EARLY[settings.ahead("REPAYMENT")],
        late_interest=LateInterest.UNTIL_LAST_DUE if settings.late_bears else LateInterest.NONE,
        payoff_interest=PayoffInterest.TO_THE_NEXT_DUE if settings.pays_off_to_rest else PayoffInterest.TO_THE_DAY,
        charge_off_interest=_CHARGE_OFF_INTEREST[settings.charge_off_interest],
        claims=ClaimRule(ClaimDue.NEXT_DUE, _restores(settings)),
        claim_due_days=0,
    )
