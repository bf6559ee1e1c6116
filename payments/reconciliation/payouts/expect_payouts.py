"""What a provider's file makes us expect, and what it shows at once to be another thing than agreed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from ledger.money import Money
from payments.break_class import BreakClass
from payments.breaks import Break
from payments.expectation import Expected, Leg
from payments.expectation_key import DebitKey, PayoutKey, ReserveKey
from payments.files.line import FileLine
from payments.ids import ProviderPayoutId
from payments.line_key import LineKind
from payments.rail_profile import RailProfile


def expected_by_file(lines: Iterable[FileLine], file_name: str, profile: RailProfile) -> Iterator[Expected]:
    """That our bank shows each payout, or what the provider takes instead; and that what is withheld comes back."""
    shown, back = timedelta(days=profile.payout_days), timedelta(days=profile.reserve_days)
    for line in lines:
        if line.payout_id is None:
            continue
        cause, on, amount = f"{file_name}:{line.line_id}", line.booked_on, line.amount
        payout = PayoutKey(line.payout_id)
        if line.kind is LineKind.PAYOUT:
            tolerated = profile.provider_source.tolerated(amount)
            yield Expected(payout, Leg.PROVIDER_BANK, amount, on, on + shown, cause, tolerance=tolerated)
        elif line.kind is LineKind.PAYOUT_TAKEN:
            yield Expected(DebitKey(line.payout_id), Leg.PROVIDER_BANK, amount, on, on + shown, payout)
        elif line.kind is LineKind.RESERVE_HELD:
            yield Expected(ReserveKey(line.line_id), Leg.LEDGER_PROVIDER, amount, on, on + back, cause)


def differences_in_file(lines: Sequence[FileLine], profile: RailProfile) -> list[Break]:
    """E8 for each payout with another fee than agreed, and E18 for each reserve that is withheld.

    The money of both is booked as it is, with the payout.
    """
    by_payout: dict[ProviderPayoutId, list[FileLine]] = defaultdict(list)
    for line in lines:
        if line.payout_id is not None:
            by_payout[line.payout_id].append(line)
    fees = (_fee_differs(payout_id, rows, profile) for payout_id, rows in sorted(by_payout.items()))
    held = (_withheld(line, profile) for line in lines if line.kind is LineKind.RESERVE_HELD)
    return [*(each for each in fees if each is not None), *held]


def _fee_differs(payout_id: ProviderPayoutId, rows: Sequence[FileLine], profile: RailProfile) -> Break | None:
    currency, rail = rows[0].amount.currency, profile.card
    day = max(row.reported_on for row in rows)
    charged = Money.total((row.amount for row in rows if row.kind is LineKind.FEE), currency)
    charged -= Money.total((row.amount for row in rows if row.kind is LineKind.FEE_RETURNED), currency)
    terms = profile.fees.on(rail.provider, rail.rail, day)
    nothing = Money.zero(currency)
    agreed = nothing if terms is None else terms.expected(((row.kind, row.amount) for row in rows), currency)
    tolerated = nothing if terms is None else terms.tolerance.get(currency, nothing)
    differs = charged - agreed
    if abs(differs.minor) <= tolerated.minor:
        return None
    by = "no fee is agreed" if terms is None else f"{agreed} by {terms.version} of {rail.provider}, {rail.rail}"
    more = f"{differs} too much" if differs.minor > 0 else f"{-differs} too little"
    treatment = profile.treatments[BreakClass.FEE_DIFFERS]
    return Break(
        break_id=f"fee:{payout_id}",
        break_class=BreakClass.FEE_DIFFERS,
        reason=f"payout {payout_id} was charged {charged}, agreed is {by}: {more}",
        owner=treatment.owner,
        severity=treatment.severity,
        opened_on=day,
        due_by=treatment.due_by(day),
        expected=next((row.key for row in rows if row.kind in _PAYOUTS), None),
        amount=Money(abs(differs.minor), currency),
    )


_PAYOUTS = (LineKind.PAYOUT, LineKind.PAYOUT_TAKEN)


def _withheld(line: FileLine, profile: RailProfile) -> Break:
    """Cured by the row that releases it; see `expected_by_file`."""
    treatment, key = profile.treatments[BreakClass.RESERVE_HELD], ReserveKey(line.line_id)
    back_by = line.booked_on + timedelta(days=profile.reserve_days)
    return Break(
        break_id=f"expectation:{key}",
        break_class=BreakClass.RESERVE_HELD,
        reason=f"{line.amount} of payout {line.payout_id} is withheld as a reserve, to be released by {back_by}",
        owner=treatment.owner,
        severity=treatment.severity,
        opened_on=line.reported_on,
        due_by=back_by,
        expected=key,
        amount=line.amount,
    )
