"""One loan in the plan engine: its plan, and the events recorded on it so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ledger.money import Money
from lending.plan.event import Body, FeeCharged, PlanEvent, Reversed
from lending.plan.plan import Origin, Plan, PlanId, instalments_of
from lending.plan.refuse import refuse
from lending.schedule.due import Due
from lending.terms.product import Product
from tests.scenarios.fineract_e2e.schedule import EUR, schedules
from tests.scenarios.fineract_e2e.servicing import servicing_of
from tests.scenarios.fineract_e2e.story import Act, ActKind, PeerLoan
from tests.scenarios.fineract_e2e.watch import WatchedFold, watched_fold

_ID = PlanId("p")


@dataclass(frozen=True, slots=True)
class Posted:
    """An event of ours and the peer's transaction that it stands for."""

    event_id: str
    name: str
    on: date
    amount: int


@dataclass(frozen=True, slots=True)
class KnownFee:
    """A fee as the peer names it; the peer tells penalties from fees."""

    fee_id: str
    name: str
    due_on: date
    penalty: bool


class EngineLoan:
    """A loan as a plan; `acts` are all that the scenario tells of it, `approved` the amount that may be lent."""

    def __init__(
        self, terms: PeerLoan, dues: tuple[Due, ...], acts: Sequence[Act], approved: int, day_count: str
    ) -> None:
        self.terms, self.approved, self.day_count = terms, approved, day_count
        self.servicing = servicing_of(terms, acts, day_count)
        self.begin(next(act.on for act in acts if act.kind is ActKind.DISBURSED), dues)

    def begin(self, opened_on: date, dues: Sequence[Due]) -> None:
        """Make the plan, without events, as opened on a day."""
        self.plan = Plan(
            plan_id=_ID,
            shopper_id="s",
            account_id="a",
            merchant_id="m",
            order_id="o",
            decision_id="d",
            origin=Origin.CHECKOUT,
            product=Product.MONTHLY,
            opened_on=opened_on,
            principal=Money(self.approved, EUR),
            merchant_discount=Money(0, EUR),
            annual_rate_basis_points=self.terms.rate_percent * 100,
            terms_version="t",
            instalments=instalments_of(_ID, tuple(dues)),
        )
        self.events: list[PlanEvent] = []
        self.posted: list[Posted] = []
        self.fees: list[KnownFee] = []
        self.refused: list[str] = []
        self.disbursed: list[tuple[date, int]] = []
        self.paid_with_disbursement: dict[str, int] = {}
        self.waiting: list[Act] = []
        self.recorded: list[Act] = []
        self.known_on = opened_on

    def open_earlier(self, opened_on: date) -> None:
        """Begin again from an earlier day."""
        self.begin(opened_on, dict(schedules(self.terms, self.approved, opened_on))[self.day_count])

    def post(self, on: date, body: Body, name: str, amount: int = 0) -> bool:
        """Record an event, or note why it is refused."""
        number = len(self.events) + len(self.refused) + 1
        at = datetime.combine(self.known_on, time(), UTC) + timedelta(seconds=number)
        occurred_at = at
        if isinstance(body, FeeCharged) and on == self.known_on:  # it counts before the payments of its day
            occurred_at = datetime.combine(on, time(), UTC)
        event = PlanEvent(f"e{number:04}", _ID, on, occurred_at, at, f"c{number}", body)
        reasons = refuse(self.fold(on).state, event)
        if reasons:
            self.refused.append(f"{name}: {reasons[0].code}: {reasons[0].detail}")
            return False
        self.events.append(event)
        self.posted.append(Posted(event.event_id, name, on, amount))
        return True

    def next_id(self, prefix: str) -> str:
        return f"{prefix}{len(self.events) + len(self.refused) + 1}"

    def reversed_ids(self) -> set[str]:
        return {event.body.reversed_event_id for event in self.events if isinstance(event.body, Reversed)}

    def fold(self, through: date | None = None) -> WatchedFold:
        last = max((event.value_date for event in self.events), default=self.plan.opened_on)
        day = max(last, self.plan.opened_on, *([] if through is None else [through]))
        return watched_fold(
            self.plan, self.events, self.servicing, day, {fee.fee_id for fee in self.fees if fee.penalty}
        )
