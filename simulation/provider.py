"""The simulated payment provider: charges and refunds once per key, keeps its book, and settles at the end of a day."""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from simulation.book import Book
from simulation.faults import (
    LATE_DAYS,
    RETURN_DAYS,
    SMALLEST_SETTLEMENT,
    FaultKind,
    Label,
    fault_of,
    fraction,
    pick,
)

FEE_BASIS_POINTS = 140
FEE_FIXED_MINOR = 20
REFUSED = 500  # of 10,000 refunds, how many are declined
DECLINES = ("insufficient_funds", "insufficient_funds", "insufficient_funds", "expired_card", "account_closed")

# The shoppers' payment habits in the seeded world; see `simulation.world.checkouts.RepaymentBehaviour`.
PAYS_ON_RETRY, STOPS_PAYING, ANSWERS_LATE, TAKES_BACK = "pays_on_retry", "stops_paying", "answers_late", "takes_back"


@dataclass(frozen=True, slots=True)
class ProviderOrder:
    """A request for a charge."""

    key: str
    amount_minor: int
    currency: str
    shopper_id: str
    instalment_id: str
    requested_on: date


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge in the provider's book. `code` is the reason of a decline; an answer is lost only the first time."""

    order: ProviderOrder
    status: str
    reference: str
    code: str | None
    answer_lost: bool


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A request for a refund to a shopper."""

    key: str
    amount_minor: int
    currency: str
    shopper_id: str
    requested_on: date


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """A refund in the provider's book; a declined one has a `code` and moves nothing."""

    order: RefundOrder
    reference: str
    code: str | None


@dataclass(frozen=True, slots=True)
class ClaimOrder:
    """A stage of a case in which a card holder's bank takes a charge back: `opened`, `won` by us, or `lost`."""

    case_id: str
    stage: str
    key: str
    on: date

    @property
    def movement(self) -> str:
        return f"{self.case_id}:{self.stage}"


class KeyConflict(Exception):
    """Raised when a key was used before for another request; `field` names the difference."""

    def __init__(self, key: str, field: str) -> None:
        super().__init__(f"key {key} was used with another {field}")
        self.field = field


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """One movement in a settlement; the rows of a payout sum to zero."""

    line_id: str
    kind: str
    attempt_id: str
    reference: str
    amount_minor: int
    currency: str
    booked_on: str
    payout_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class ProviderSettlement:
    """The content of one day's payout in a currency. `parked` is the wrong bank account it is sent to, if any."""

    payout_id: str
    settled_on: date
    currency: str
    net_minor: int
    parked: bool
    duplicated: bool
    rows: tuple[SettlementRow, ...]

    @property
    def file_name(self) -> str:
        return f"settlement-{self.settled_on.isoformat()}-{self.currency}.csv"


class ProviderBook:
    """A provider whose whole state is its book, so that a restart changes nothing."""

    def __init__(self, book: Book, seed: int, behaviour: Mapping[str, tuple[str, int]]) -> None:
        self._book = book
        self._seed = seed
        self._behaviour = behaviour
        self._lock = threading.Lock()
        self._charges: dict[str, Charge] = {}
        self._refunds: dict[str, ProviderRefund] = {}
        self._refunded: set[str] = set()
        self._claims: dict[str, ClaimOrder] = {}
        self._claimed: set[str] = set()
        self._settlements: dict[tuple[date, str], ProviderSettlement] = {}
        self._reported: set[str] = set()
        self._held_back: dict[str, date | None] = {}
        self._returns: dict[str, date] = {}
        self._returned: set[str] = set()
        self._large = 0
        self.labels: list[Label] = []
        for record in book.records:
            self._apply(record)

    def charge(self, order: ProviderOrder) -> tuple[Charge, bool]:
        """The charge of this key, made now or before, and whether its answer is to be lost."""
        with self._lock:
            known = self._charges.get(order.key)
            if known is not None:
                _same(known.order, order)
                return known, False
            status, code, lost = self._decide(order)
            record = {
                "kind": "charge",
                "order": _record_of(order),
                "status": status,
                "reference": f"ch_{len(self._charges) + 1:08d}",
                "code": code,
                "answer_lost": lost,
            }
            self._book.append(record)
            self._apply(record)
            return self._charges[order.key], lost

    def refund(self, order: RefundOrder) -> ProviderRefund:
        """The refund of this key, made now or before; a share of refunds is declined."""
        with self._lock:
            known = self._refunds.get(order.key)
            if known is not None:
                _same(known.order, order)
                return known
            declined = order.shopper_id not in self._behaviour and fraction(self._seed, "refund", order.key) < REFUSED
            record = {
                "kind": "refund",
                "order": _record_of(order),
                "reference": f"re_{len(self._refunds) + 1:08d}",
                "code": "account_closed" if declined else None,
            }
            self._book.append(record)
            self._apply(record)
            return self._refunds[order.key]

    def find_refund(self, key: str) -> ProviderRefund | None:
        """The refund of a key, or None."""
        with self._lock:
            return self._refunds.get(key)

    def claim(self, order: ClaimOrder) -> Charge:
        """Take a captured charge back, give it back to us, or keep it; each stage once. Raises KeyError for no charge.

        The money moves with the next settlement that has room for it; a lost case moves none.
        """
        with self._lock:
            charge = self._charges[order.key]
            if charge.status != "captured":
                raise KeyError(order.key)
            if order.movement not in self._claims:
                record = {"kind": "claim", **asdict(order), "on": order.on.isoformat()}
                self._book.append(record)
                self._apply(record)
            return charge

    def behave(self, behaviour: Mapping[str, tuple[str, int]]) -> None:
        """Set the payment habits of shoppers, by shopper id, from now on."""
        with self._lock:
            self._behaviour = dict(behaviour)

    def find(self, key: str) -> Charge | None:
        """The charge of a key, or None."""
        with self._lock:
            return self._charges.get(key)

    def settle(self, day: date) -> list[ProviderSettlement]:
        """Settle everything captured up to `day`, one payout per currency. Repeating a day gives the same result."""
        with self._lock:
            currencies = sorted({charge.order.currency for charge in self._charges.values()})
            for currency in currencies:
                if (day, currency) not in self._settlements:
                    record = self._settlement(day, currency)
                    if record is not None:
                        self._book.append(record)
                        self._apply(record)
            return [self._settlements[day, currency] for currency in currencies if (day, currency) in self._settlements]

    def settlements_before(self, day: date) -> list[ProviderSettlement]:
        """Settlements of earlier days, the oldest first."""
        with self._lock:
            return [self._settlements[key] for key in sorted(self._settlements) if key[0] < day]

    def pending_faults(self) -> list[str]:
        """Attempts whose late line or return is not visible yet."""
        with self._lock:
            late = {
                key for key, shown_on in self._held_back.items() if shown_on is not None and key not in self._reported
            }
            return sorted(late | (set(self._returns) - self._returned))

    # Outcomes, determined by seed and key alone.

    def _decide(self, order: ProviderOrder) -> tuple[str, str | None, bool]:
        plan_part, _, number = order.key.rpartition("#")
        instalment = int(plan_part.rpartition("/")[2]) if plan_part.rpartition("/")[2].isdigit() else 0
        kind, start = self._behaviour.get(order.shopper_id, ("", 0))
        if kind:
            declined = (kind == STOPS_PAYING and instalment >= start) or (kind == PAYS_ON_RETRY and number == "1")
            lost = kind == ANSWERS_LATE and number == "1"
            return ("declined", "insufficient_funds", False) if declined else ("captured", None, lost)
        chance = fraction(self._seed, "outcome", order.key)
        if chance < 600:
            return "declined", DECLINES[chance % len(DECLINES)], False
        return "captured", None, chance >= 9_600

    def _takes_back(self, order: ProviderOrder) -> bool:
        kind, start = self._behaviour.get(order.shopper_id, ("", 0))
        return kind == TAKES_BACK and order.key.rpartition("#")[0].endswith(f"/{start}")

    # Settlement.

    def _settlement(self, day: date, currency: str) -> dict[str, Any] | None:
        """The record of a settlement; None when there is nothing to settle, or only amounts owed to us."""
        captured = [c for c in self._charges.values() if c.status == "captured" and c.order.currency == currency]
        fresh = sorted(
            charge.order.key
            for charge in captured
            if charge.order.requested_on <= day
            and charge.order.key not in self._reported
            and charge.order.key not in self._held_back
        )
        large = len(fresh) >= SMALLEST_SETTLEMENT
        fault = fault_of(self._seed, self._large + 1) if large else None
        chosen = pick(self._seed, "fault", fresh) if fresh else ""
        held = chosen if fault in (FaultKind.LATE, FaultKind.MISSING_LINE) else None
        coming = sorted(
            key
            for key, shown_on in self._held_back.items()
            if shown_on is not None
            and shown_on <= day
            and key not in self._reported
            and self._charges[key].order.currency == currency
        )
        shown = [*coming, *(key for key in fresh if key != held)]
        taken_back = [key for key in fresh if key != held and self._takes_back(self._charges[key].order)]
        if fault is FaultKind.RETURNED:
            taken_back.append(chosen)
        returning = sorted(
            key
            for key, due_on in self._returns.items()
            if due_on <= day and key not in self._returned and self._charges[key].order.currency == currency
        )
        refunded = sorted(
            key
            for key, refund in self._refunds.items()
            if refund.code is None
            and refund.order.currency == currency
            and refund.order.requested_on <= day
            and key not in self._refunded
        )
        open_claims = [
            each
            for each in self._claims.values()
            if each.movement not in self._claimed
            and each.on <= day
            and each.stage != "lost"
            and self._charges[each.key].order.currency == currency
        ]
        won = [each for each in open_claims if each.stage == "won" and f"{each.case_id}:opened" in self._claimed]
        opened = [each for each in open_claims if each.stage == "opened"]
        gross = sum(self._charges[key].order.amount_minor for key in (*shown, *(each.key for each in won)))
        fee = sum(_fee(self._charges[key].order.amount_minor) for key in shown)
        net = gross - fee
        if net <= 0:
            return None
        refunded, net = _netted({key: self._refunds[key].order.amount_minor for key in refunded}, net)
        returning, net = _netted({key: self._charges[key].order.amount_minor for key in returning}, net)
        claimed, net = _netted({each.movement: self._charges[each.key].order.amount_minor for each in opened}, net)
        return {
            "kind": "settlement",
            "on": day.isoformat(),
            "currency": currency,
            "shown": shown,
            "late": coming,
            "returned": returning,
            "refunded": refunded,
            "claimed": [*claimed, *(each.movement for each in won)],
            "fee_minor": fee,
            "net_minor": net,
            "large": large,
            "fault": fault,
            "held_back": held,
            "shown_on": (day + timedelta(days=LATE_DAYS)).isoformat() if fault is FaultKind.LATE else None,
            "returns": dict.fromkeys(sorted(set(taken_back)), (day + timedelta(days=RETURN_DAYS)).isoformat()),
        }

    def _apply(self, record: Mapping[str, Any]) -> None:
        if record["kind"] == "charge":
            order = ProviderOrder(
                **{**record["order"], "requested_on": date.fromisoformat(record["order"]["requested_on"])}
            )
            self._charges[order.key] = Charge(
                order, record["status"], record["reference"], record["code"], record["answer_lost"]
            )
            return
        if record["kind"] == "refund":
            told = RefundOrder(
                **{**record["order"], "requested_on": date.fromisoformat(record["order"]["requested_on"])}
            )
            self._refunds[told.key] = ProviderRefund(told, record["reference"], record["code"])
            return
        if record["kind"] == "claim":
            asked = {name: value for name, value in record.items() if name != "kind"}
            claim = ClaimOrder(**{**asked, "on": date.fromisoformat(record["on"])})
            self._claims[claim.movement] = claim
            return
        day, currency = date.fromisoformat(record["on"]), record["currency"]
        settlement = self._rows(record, day, currency)
        self._settlements[day, currency] = settlement
        self._large += record["large"]
        self._reported |= set(record["shown"])
        self._returned |= set(record["returned"])
        self._refunded |= set(record["refunded"])
        self._claimed |= set(record["claimed"])
        self._returns |= {key: date.fromisoformat(on) for key, on in record["returns"].items()}
        self.labels += [Label(FaultKind.LATE, key, day) for key in record["late"]]
        self.labels += [Label(FaultKind.RETURNED, key, day) for key in record["returned"]]
        if record["held_back"] is not None:
            late = record["fault"] == FaultKind.LATE
            self._held_back[record["held_back"]] = date.fromisoformat(record["shown_on"]) if late else None
            if not late:
                self.labels.append(Label(FaultKind.MISSING_LINE, record["held_back"], day))
        if settlement.parked:
            self.labels.append(Label(FaultKind.PARKED, settlement.payout_id, day))
        if settlement.duplicated:
            self.labels.append(Label(FaultKind.DUPLICATED_FILE, settlement.file_name, day))

    def _rows(self, record: Mapping[str, Any], day: date, currency: str) -> ProviderSettlement:
        payout_id = f"po-{day.isoformat()}-{currency}"
        rows: list[SettlementRow] = []

        def row(kind: str, about: str, minor: int, booked_on: date, detail: str = "") -> None:
            known = self._charges.get(about) or self._refunds.get(about)
            reference = payout_id if known is None else known.reference
            line_id = f"{payout_id}/{len(rows) + 1:04d}"
            rows.append(
                SettlementRow(
                    line_id, kind, about, reference, minor, currency, booked_on.isoformat(), payout_id, detail
                )
            )

        for key in record["shown"]:
            order = self._charges[key].order
            row("capture", key, order.amount_minor, order.requested_on)
        for key in record["returned"]:
            row("return", key, -self._charges[key].order.amount_minor, day, "payment reversed by the card holder")
        for key in record["refunded"]:
            refund = self._refunds[key].order
            row("refund", key, -refund.amount_minor, refund.requested_on)
        for movement in record["claimed"]:
            claim = self._claims[movement]
            minor = self._charges[claim.key].order.amount_minor
            kind, sign = ("chargeback_won", 1) if claim.stage == "won" else ("chargeback", -1)
            row(kind, claim.key, sign * minor, claim.on, claim.case_id)
        if record["fee_minor"]:
            row("fee", "", -record["fee_minor"], day)
        row("payout", "", -record["net_minor"], day)
        fault = record["fault"]
        return ProviderSettlement(
            payout_id,
            day,
            currency,
            record["net_minor"],
            parked=fault == FaultKind.PARKED,
            duplicated=fault == FaultKind.DUPLICATED_FILE,
            rows=tuple(rows),
        )


def read_behaviour(lines: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Payment habits as (kind, first instalment) by shopper, from the lines of `repayment_behaviour.jsonl`."""
    rows = [json.loads(line) for line in lines if line.strip()]
    return {row["shopper_id"]: (row["kind"], int(row["from_instalment"])) for row in rows}


def open_provider(folder: Path, seed: int, behaviour: Mapping[str, tuple[str, int]]) -> ProviderBook:
    """The provider with its book in `folder`."""
    return ProviderBook(Book(folder / "provider.jsonl"), seed, behaviour)


def _netted(amounts: Mapping[str, int], net: int) -> tuple[list[str], int]:
    """Those that a payout of `net` can carry and still pay out something, and what is left of it; the rest wait."""
    carried = []
    for key, minor in amounts.items():
        if minor < net:
            carried.append(key)
            net -= minor
    return carried, net


def _fee(amount_minor: int) -> int:
    return amount_minor * FEE_BASIS_POINTS // 10_000 + FEE_FIXED_MINOR


def _record_of(order: ProviderOrder | RefundOrder) -> dict[str, Any]:
    return asdict(order) | {"requested_on": order.requested_on.isoformat()}


def _same(known: ProviderOrder | RefundOrder, arriving: ProviderOrder | RefundOrder) -> None:
    """Raise KeyConflict when two requests differ in a field other than `requested_on`."""
    before, now = _record_of(known), _record_of(arriving)
    for field in before:
        if field != "requested_on" and before[field] != now[field]:
            raise KeyConflict(known.key, field)
