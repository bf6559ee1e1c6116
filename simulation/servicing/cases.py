"""The cases of the servicing desk: a table from which the seeded world makes every kind of plan event happen.

The first case that fits a plan takes it, in the order in which offers are accepted. No step comes before day 9: by then
every checkout of the world has been decided, so what happens to plans changes no decision.
"""

from datetime import timedelta

from simulation.servicing.case import CaseStep, Door, PlanSeen, Row, ServicingCase, Staff, Wanted

MONTHLY = "monthly"
FEE_MINOR, GIFT_MINOR, IN_DISPUTE_MINOR, RECOVERED_MINOR, COMMISSION_MINOR = 600, 500, 1_000, 1_500, 300


def _nothing(_: PlanSeen) -> Row:
    return {}


def _act(after_days: int, name: str, by: Staff, why: str, wanted: Wanted = _nothing) -> CaseStep:
    return CaseStep(after_days, Door.ACT, name, by, why, wanted)


def _pays(after_days: int, why: str, wanted: Wanted) -> CaseStep:
    return CaseStep(after_days, Door.PAYMENT, "", Staff.AGENT, why, wanted)


def _claim(after_days: int, stage: str, why: str) -> CaseStep:
    return CaseStep(after_days, Door.CLAIM, stage, None, why, _nothing)


def _habit(after_days: int, kind: str, why: str) -> CaseStep:
    return CaseStep(after_days, Door.HABIT, kind, None, why, _nothing)


def _pause(first: int, last: int) -> Wanted:
    return lambda plan: {"starts": plan.day(first), "ends": plan.day(last)}


def _fee(kind: str) -> Wanted:
    return lambda plan: plan.money(FEE_MINOR) | {"kind": kind, "at_once": True, "fee_id": _fee_id(plan, kind)}


def _fee_id(plan: PlanSeen, kind: str) -> str:
    return f"{kind}-{plan.history['plan_id']}"


def _two_dues(plan: PlanSeen) -> Row:
    """What is owed in two dues, three and six weeks from today."""
    owed = int(plan.history["principal_minor"])
    halves = (owed - owed // 2, owed // 2)
    dues = [{"due_on": plan.day(21 * place), "principal_minor": half} for place, half in enumerate(halves, start=1)]
    return {"dues": dues, "currency": plan.history["currency"]}


def _five_days_later(plan: PlanSeen) -> Row:
    return {"due_on": plan.next_due.isoformat(), "moved_to": (plan.next_due + timedelta(days=5)).isoformat()}


AGENT, SERVICER, RISK, SHOP = Staff.AGENT, Staff.SERVICER, Staff.RISK, Staff.SHOP

CASES: tuple[ServicingCase, ...] = (
    ServicingCase(
        "the second parcel follows",
        (
            CaseStep(
                9,
                Door.SHIPMENT,
                "",
                SHOP,
                "the rest of the order left the warehouse",
                lambda plan: plan.money(plan.unshipped_minor),
            ),
        ),
        MONTHLY,
        ships=60,
    ),
    ServicingCase(
        "the rest is sold out",
        (_act(10, "cancel", AGENT, "the shop cannot deliver the second parcel"),),
        MONTHLY,
        ships=50,
    ),
    ServicingCase(
        "a new home",
        (
            _act(10, "holiday", AGENT, "moving costs this month", _pause(1, 8)),
            _act(20, "move-dues", SERVICER, "the salary comes later now", _five_days_later),
            _act(
                45, "extend", SERVICER, "a higher rent", lambda plan: {"instalments": 1, "effective_from": plan.day(0)}
            ),
        ),
        MONTHLY,
    ),
    ServicingCase(
        "a complaint about interest",
        (
            _act(
                12,
                "change-rate",
                SERVICER,
                "the advertised rate was lower",
                lambda plan: {"annual_rate_basis_points": 790, "effective_from": plan.day(0)},
            ),
            _act(16, "pause-interest", SERVICER, "while the complaint is looked into", _pause(1, 8)),
            _act(
                45,
                "waive-interest",
                SERVICER,
                "the complaint was upheld",
                lambda plan: plan.money(plan.quote["interest_minor"]),
            ),
        ),
        MONTHLY,
    ),
    ServicingCase(
        "fewer hours at work",
        (
            _act(15, "re-amortise", SERVICER, "the shopper asked for even instalments"),
            _act(
                40,
                "re-age",
                SERVICER,
                "half the salary from next month on",
                lambda plan: {
                    "instalments": 4,
                    "first_due_on": plan.day(10),
                    "every": 1,
                    "unit": "months",
                },
            ),
            _act(70, "terminate", SERVICER, "the shopper wants to be out of the agreement"),
        ),
        MONTHLY,
    ),
    ServicingCase(
        "two plans, one credit",
        (
            _act(20, "charge-fee", SERVICER, "what a returned transfer cost us", _fee("return")),
            _pays(21, "pays all off, the fee with it", lambda _: {"payoff": True}),
            _act(
                22,
                "waive-fee",
                AGENT,
                "the transfer was ours to check",
                lambda plan: {"fee_id": _fee_id(plan, "return")},
            ),
            _act(
                23,
                "apply-credit",
                SERVICER,
                "half of it for the other order",
                lambda plan: plan.money(FEE_MINOR // 2) | {"to_plan_id": plan.other_plan_id},
            ),
            _act(24, "refund-credit", SERVICER, "and the other half back", lambda plan: plan.money(FEE_MINOR // 2)),
        ),
        two_plans=True,
    ),
    ServicingCase(
        "an order that came to nothing",
        (
            _habit(9, "stops_paying", "the shopper lost their work"),
            CaseStep(
                50,
                Door.PAYMENT,
                "",
                AGENT,
                "the last payment is tried once more",
                lambda plan: plan.money(GIFT_MINOR),
            ),
            _act(75, "charge-off", RISK, "nothing was paid for a month and nobody answers"),
            CaseStep(
                82,
                Door.TRANSFER,
                "",
                None,
                "the agency passes on what the shopper paid it",
                lambda plan: plan.money(RECOVERED_MINOR),
            ),
            CaseStep(
                84,
                Door.REMITTANCE,
                "",
                None,
                "the agency says for which plan it was",
                lambda plan: plan.money(RECOVERED_MINOR) | {"commission_minor": COMMISSION_MINOR},
            ),
            _act(90, "write-off", RISK, "the agency gave the case back"),
        ),
    ),
    ServicingCase(
        "taken for somebody else's",
        (
            _act(12, "charge-fee", SERVICER, "a late payment", _fee("late")),
            _act(13, "reverse", SERVICER, "it was another plan", lambda plan: {"event_id": plan.event("fee_charged")}),
            _act(15, "freeze", AGENT, "the shopper's bank asked about fraud"),
            _act(18, "unfreeze", AGENT, "the shopper confirmed the order"),
            _act(20, "forbearance", AGENT, "a week to sort things out", _pause(1, 8)),
        ),
    ),
    ServicingCase(
        "the wrong colour",
        (
            _act(
                12,
                "dispute",
                AGENT,
                "the shop sent the wrong colour",
                lambda plan: plan.money(IN_DISPUTE_MINOR) | {"case_id": f"colour-{plan.history['plan_id']}"},
            ),
            _act(
                19,
                "settle-dispute",
                SERVICER,
                "the shop showed the order",
                lambda plan: {"case_id": f"colour-{plan.history['plan_id']}", "winner": "merchant"},
            ),
            _act(22, "goodwill", AGENT, "for the trouble", lambda plan: plan.money(GIFT_MINOR)),
        ),
    ),
    ServicingCase(
        "paid early and sent back",
        (
            _pays(14, "settles the plan", lambda _: {"payoff": True}),
            _act(20, "refund", SHOP, "the shop took the goods back", lambda plan: plan.money(IN_DISPUTE_MINOR)),
        ),
    ),
    ServicingCase(
        "nobody answers any more",
        (_habit(9, "stops_paying", "the shopper moved away without a word"),),
        "pay_in_3",
    ),
    ServicingCase(
        "new days for what is left",
        (
            _act(35, "reschedule", SERVICER, "a new job with another payday", _two_dues),
            _pays(40, "a part ahead of the first", lambda plan: plan.money(GIFT_MINOR)),
        ),
        "pay_in_3",
    ),
    ServicingCase(
        "a claim that is withdrawn",
        (
            _claim(12, "opened", "the card holder did not know the name on the statement"),
            _claim(20, "won", "the card holder remembered"),
        ),
        "pay_in_3",
    ),
    ServicingCase(
        "a claim that is upheld",
        (
            _claim(13, "opened", "the card holder says the goods never came"),
            _claim(23, "lost", "the card network agreed"),
        ),
        "pay_in_3",
    ),
    ServicingCase(
        "taken back by the bank",
        (_habit(10, "takes_back", "the account will have no money"),),
        "pay_in_3",
    ),
)
