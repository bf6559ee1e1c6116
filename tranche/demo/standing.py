"""The standing of reconciliation at the end of a run, for the summary and the report."""

from collections import defaultdict
from datetime import date

from ledger.money import Currency, Money
from payments.postgres import connected
from payments.rail_profile import RailProfile, load_profile
from payments.reconciliation.postgres_standing import PostgresStanding
from payments.reconciliation.standing import ListedBreak, Standing
from tranche.report.details import BreakRow
from tranche.report.summary import Reconciliation

EXAMPLES = 1


def reconciliation_standing(database_url: str, as_of: date | None = None) -> Standing:
    """Every line, match and break so far, including cured breaks; by default as of the latest day of any line."""
    with connected(database_url) as connection, connection.transaction():
        reader = PostgresStanding(connection, load_profile().card.provider)
        day = as_of or reader.last_day()
        assert day is not None, "no file was taken"
        return reader.standing(day, closed=True)


def reconciliation_figures(standing: Standing) -> Reconciliation:
    """The summary's section on reconciliation."""
    return Reconciliation(
        lines=standing.lines,
        matched_by_id=standing.matched_by_id,
        matched_by_rule=standing.matched_by_rule,
        unmatched=standing.unmatched,
        breaks=standing.breaks,
        open_expectations=standing.open_expectations,
    )


def break_rows(standing: Standing, currency: str) -> tuple[BreakRow, ...]:
    """One row for each class and currency: number, number cured, amount, and age of the oldest open break.

    A break without an amount counts in `currency`.
    """
    profile = load_profile()
    classes: dict[tuple[str, str], list[ListedBreak]] = defaultdict(list)
    for each in standing.listed:
        own = currency if each.amount is None else each.amount.partition(" ")[2]
        classes[each.break_class, own].append(each)
    return tuple(_class(code, found, profile, own) for (code, own), found in sorted(classes.items(), key=_by_number))


def _class(code: str, found: list[ListedBreak], profile: RailProfile, currency: str) -> BreakRow:
    titles = {broken.value: treatment.title for broken, treatment in profile.treatments.items()}
    still_open = [each for each in found if each.closed_on is None]
    shown = sorted(still_open or found, key=lambda each: each.opened_on)[:EXAMPLES]
    return BreakRow(
        code=code,
        meaning=titles.get(code, ""),
        count=len(found),
        still_open=len(still_open),
        amount_minor=sum(_minor(each) for each in found),
        currency=currency,
        oldest_days=max((each.age_days for each in still_open), default=0),
        examples=tuple(each.reason for each in shown),
        open_minor=sum(_minor(each) for each in still_open),
    )


def _minor(listed: ListedBreak) -> int:
    """The amount of a break, on whichever side it is; 0 for a break of a file."""
    if listed.amount is None:
        return 0
    digits, _, currency = listed.amount.partition(" ")
    return abs(Money.parse(digits, Currency(currency)).minor)


def _by_number(entry: tuple[tuple[str, str], list[ListedBreak]]) -> tuple[int, str]:
    (code, currency), _ = entry
    return int(code[1:]), currency
