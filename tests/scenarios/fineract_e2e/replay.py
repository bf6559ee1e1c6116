"""Replay one scenario: read its story, run it through the engine, compare every cell, and say how it ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from lending.schedule.due import Due
from tests.scenarios.fineract_e2e.compare import Cell, cells_of
from tests.scenarios.fineract_e2e.loan import EngineLoan
from tests.scenarios.fineract_e2e.observed import Observed, agreed
from tests.scenarios.fineract_e2e.read_back import observe
from tests.scenarios.fineract_e2e.reader import PeerScenario, day_of, units_of
from tests.scenarios.fineract_e2e.record import record, refuses
from tests.scenarios.fineract_e2e.schedule import schedules
from tests.scenarios.fineract_e2e.servicing import lacking
from tests.scenarios.fineract_e2e.steps import out_of_scope, story_of
from tests.scenarios.fineract_e2e.story import (
    Act,
    ActKind,
    Check,
    CheckKind,
    LoanStory,
    NotExpressible,
    PeerLoan,
)


class Ending(StrEnum):
    """How a scenario ended. The last three are of those that are expressible."""

    OUT_OF_SCOPE = "out_of_scope"
    NOT_EXPRESSIBLE = "not_expressible"
    EQUAL = "equal"
    EQUAL_IN_BALANCES = "equal_in_balances"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one scenario ended. `why`: the rule that leaves it out, or the missing capability, and `step` its step.

    `differing`: the cells that differ, in order. `lacks`: settings of the product that the engine does not have.
    """

    key: str
    kind: str
    ending: Ending
    product: str = ""
    why: str = ""
    step: str = ""
    compared: int = 0
    day_count: str = ""
    differing: tuple[Cell, ...] = ()
    refused: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()


def replay(scenario: PeerScenario) -> Outcome:
    """Replay one scenario; the answer depends on the scenario and the engine only."""
    reason = out_of_scope(scenario)
    if reason is not None:
        return Outcome(scenario.key, scenario.kind, Ending.OUT_OF_SCOPE, why=reason)
    products: list[str] = []
    try:
        story = story_of(scenario)
        products = [loan.terms.product.name for loan in story.loans if loan.terms is not None]
        return _outcome(scenario, products, [_play(loan, loan.terms) for loan in story.loans if loan.terms is not None])
    except NotExpressible as missing:
        product = ", ".join(products)
        ending = Ending.NOT_EXPRESSIBLE
        return Outcome(scenario.key, scenario.kind, ending, product, why=missing.capability, step=missing.step)


@dataclass(frozen=True, slots=True)
class _Played:
    """What one loan of a scenario showed."""

    day_count: str
    cells: tuple[Cell, ...]
    refused: tuple[str, ...]
    lacks: tuple[str, ...]
    acts: tuple[str, ...]


def _play(story: LoanStory, terms: PeerLoan) -> _Played:
    lent = [act for act in story.acts if act.kind is ActKind.DISBURSED]
    amount = sum(act.amount for act in lent) or terms.principal
    day_count, dues = _agreed(story, terms, amount, lent[0].on if lent else terms.submitted_on)
    loan = EngineLoan(terms, dues, story.acts, amount, day_count) if lent else None
    cells: list[Cell] = []
    approval: Act | None = None
    for each in story.course:
        if isinstance(each, Act):
            approval = each if each.kind is ActKind.APPROVED else approval
            if loan is not None:
                record(loan, each)
        elif each.act is not None:
            cells.append(_refused(each, each.act, terms, loan, approval))
        elif loan is not None and loan.disbursed:
            cells += cells_of(each, observe(loan, each.as_of, each.worked_out_on))
        else:
            cells += cells_of(each, _before(terms, approval, day_count))
    refused = () if loan is None else tuple(loan.refused)
    return _Played(day_count, tuple(cells), refused, lacking(terms, story.acts), tuple(act.kind for act in story.acts))


def _refused(check: Check, act: Act, terms: PeerLoan, loan: EngineLoan | None, approval: Act | None) -> Cell:
    """Whether we refuse as well: on the loan as it stands, or on one of the approved amount that is not open yet."""
    if loan is None or not loan.disbursed:
        amount, starts_on = (terms.principal, terms.submitted_on) if approval is None else (approval.amount, act.on)
        day_count, dues = next(iter(schedules(terms, amount, starts_on)))
        opening = Act(ActKind.DISBURSED, act.known_on, act.on, act.amount)
        loan = EngineLoan(terms, dues, [opening], amount, day_count)
    return Cell(f"{check.as_of} {check.kind}", act.kind, "refused", "refused" if refuses(loan, act) else "taken", True)


def _outcome(scenario: PeerScenario, products: Sequence[str], played: Sequence[_Played]) -> Outcome:
    cells = [cell for each in played for cell in each.cells]
    refused = tuple(refusal for each in played for refusal in each.refused)
    return Outcome(
        scenario.key,
        scenario.kind,
        _ending(cells, refused=bool(refused)),
        ", ".join(products),
        why="" if cells else "nothing_compared",
        compared=len(cells),
        day_count=", ".join(each.day_count for each in played),
        differing=tuple(cell for cell in cells if not cell.equal),
        refused=refused,
        lacks=tuple(dict.fromkeys(lack for each in played for lack in each.lacks)),
        acts=tuple(act for each in played for act in each.acts),
    )


def _before(terms: PeerLoan, approval: Act | None, day_count: str) -> Observed:
    """The loan before anything is disbursed, as applied for or as approved."""
    status = "SUBMITTED_AND_PENDING_APPROVAL" if approval is None else "APPROVED"
    amount, starts_on = (terms.principal, terms.submitted_on) if approval is None else (approval.amount, approval.on)
    dues = dict(schedules(terms, amount, starts_on))[day_count]
    return agreed(dues, amount, starts_on, status)


def _ending(cells: list[Cell], *, refused: bool) -> Ending:
    if not cells or refused:
        return Ending.DIFFERENT
    if all(cell.equal for cell in cells):
        return Ending.EQUAL
    balances = [cell for cell in cells if cell.balance]
    return Ending.EQUAL_IN_BALANCES if balances and all(cell.equal for cell in balances) else Ending.DIFFERENT


def _agreed(story: LoanStory, terms: PeerLoan, amount: int, starts_on: date) -> tuple[str, tuple[Due, ...]]:
    """The agreed schedule; where the name's day count does not give the first table, the first one that does.

    This is the only setting that an expected answer decides, and it decides the day count only.
    """
    candidates = list(schedules(terms, amount, starts_on))
    first = _first_table(story)
    return next((each for each in candidates if first is not None and _gives(each[1], first)), candidates[0])


def _first_table(story: LoanStory) -> Check | None:
    """The first expected schedule, if nothing but the disbursement came before it."""
    for each in story.course:
        if isinstance(each, Act):
            if each.kind not in {ActKind.DISBURSED, ActKind.APPROVED}:
                return None
        elif each.kind is CheckKind.SCHEDULE:
            return each
    return None


def _gives(dues: tuple[Due, ...], table: Check) -> bool:
    return list(_interest(table)) == [(due.due_on, due.interest.minor) for due in dues]


def _interest(table: Check) -> Iterator[tuple[date, int]]:
    for row in table.rows:
        if row["Nr"]:
            yield day_of(row["Date"]), units_of(row["Interest"])
