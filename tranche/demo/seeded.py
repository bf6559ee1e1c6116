"""The demo on the seeded world: checkouts, plans, ninety days of collection, and planted faults to be found."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from payments.rail_profile import load_profile
from payments.reconciliation.standing import Standing
from simulation.world.period import Period
from simulation.world.size import Size
from terminal.database import DatabaseProcess
from tranche.demo import standing as demo_standing
from tranche.demo.berka import outcomes
from tranche.demo.cash import Cash, cash_against_plan
from tranche.demo.closing import closing_note, closings_of
from tranche.demo.course import DemoPlace, MoneyRun
from tranche.demo.days import days_from, evenings, pounds_sterling
from tranche.demo.decisions import Answer, ApiRefused, Ask, CheckoutClient
from tranche.demo.lake import DemoSplit, LakeRun
from tranche.demo.plan_events import kinds_seen, not_reached_kinds
from tranche.demo.planted import found_in_files, found_in_lake, planted_together, read_labels
from tranche.demo.servicing import DemoDesk
from tranche.demo.stages import DemoStages
from tranche.report.summary import PlanFigures, Planted
from tranche.report.wording import count, money

CAPITAL_MINOR = 25_000_000
COLLECTED_DAYS = 95
SETTLING_DAYS = 6
"""The number of evenings after the last collection, until the last payouts arrive and missing ones are overdue."""
THINKS_FOR = timedelta(seconds=90)
PERIOD = Period()


@dataclass(slots=True)
class SeededCourse:
    """The course on the world of one seed, generated into `folder`."""

    seed: int
    size: Size
    folder: Path
    train_until: date | None
    test_until: date | None
    name: str = "seeded"
    title: str = "Tranche: the seeded world, once through"
    currency: str = "GBP"
    served: DemoDesk | None = None

    def prepare(self, stages: DemoStages) -> None:
        with stages.stage("generate", f"the world of seed {self.seed}") as say:
            from simulation.world.generate import generate

            report = generate(self.seed, self.folder, self.size)
            say(
                f"{count(report.rows['bank_transactions.jsonl'])} bank transactions, {count(report.loans)} past loans, "
                f"{count(report.rows['checkouts.jsonl'])} checkouts; planted {dict(report.planted)}"
            )

    @property
    def source(self) -> Any:
        from pipelines.sources.canonical import Canonical

        return Canonical(self.folder, self.name)

    @property
    def split(self) -> DemoSplit:
        return DemoSplit(self.train_until or PERIOD.train_until, self.test_until or PERIOD.test_until)

    @property
    def as_of(self) -> Sequence[datetime]:
        """The midnight before each day of checkouts, as for a nightly build."""
        return [datetime.combine(day, time(), UTC) for day in PERIOD.days_of_checkout()]

    def decide(self, stages: DemoStages, place: DemoPlace, lake: LakeRun, checkout: CheckoutClient) -> list[Answer]:
        """Request a decision for every basket in order of time; accept at once the offers that its shopper likes."""
        del lake
        rows = [json.loads(line) for line in (self.folder / "checkouts.jsonl").read_text().splitlines()]
        days = PERIOD.days_of_checkout()
        answers: list[Answer] = []
        accepted: Counter[int] = Counter()
        doing = f"{count(len(rows))} baskets over HTTP, the clock at each one's moment"
        with stages.stage("decisions", doing) as say, evenings(place) as evening, stages.bar("baskets") as tick:
            with stages.apart("collect"):
                behaviour = (self.folder / "repayment_behaviour.jsonl").read_text()
                evening.open_books(pounds_sterling(CAPITAL_MINOR), behaviour, days[0])
            desk = self.served = DemoDesk(self.folder, rows, place, checkout.address, _at(rows[0]))
            for day in days_from(days[0], (days[-1] - days[0]).days + 1):
                for row in (row for row in rows if _at(row).date() == day):
                    answers += checkout.decide([_ask(row)])
                    if row["accepts"] and answers[-1].outcome in ("approved", "approved_reduced"):
                        reply = desk.accept(checkout, answers[-1], row, _at(row) + THINKS_FOR)
                        accepted[reply.status_code] += 1
                    tick(len(answers), len(rows))
                with stages.apart("collect"):
                    evening.run(day)
            say(outcomes(answers))
            with stages.apart("servicing"):
                reviewed = desk.review(answers)
            if reviewed is not None:
                say(f"a person reviewed the first referred order: {reviewed['verdict']} as {reviewed['outcome_id']}")
            say(
                f"{count(accepted.total())} offers accepted: {count(accepted[201])} plans opened at once, "
                f"{count(accepted[402])} first payments declined, {count(accepted[202])} not known yet"
            )
            strange = sorted(set(accepted) - {201, 202, 402})
            if strange:
                raise ApiRefused(f"accepting an offer was answered with {strange}")
        return answers

    def move_money(self, stages: DemoStages, place: DemoPlace, answers: Sequence[Answer]) -> MoneyRun:
        """Collect what falls due day by day, and reconcile with the outside world's files every evening."""
        first = PERIOD.days_of_checkout()[-1] + timedelta(days=1)
        days = days_from(first, COLLECTED_DAYS + SETTLING_DAYS)
        with stages.stage("collect", f"{count(len(days))} days: charge, settle, reconcile") as say:
            desk = self.served
            assert desk is not None, "offers are accepted before money moves"
            with evenings(place) as evening, desk.counter() as counter, stages.bar("days") as tick:
                for done, day in enumerate(days, start=1):
                    with stages.apart("servicing"):
                        evening.serve(day, desk.desk, counter)
                    evening.run(day, collecting=done <= COLLECTED_DAYS)
                    tick(done, len(days))
                faults = evening.faults()
            standing = demo_standing.reconciliation_standing(place.database(DatabaseProcess.READER), days[-1])
            without = f"; no plan fitted {', '.join(desk.desk.without_a_plan)}" if desk.desk.without_a_plan else ""
            say(f"{count(len(desk.desk.served))} servicing cases{without}")
            say(
                f"{count(standing.lines)} lines: {count(standing.matched_by_id)} matched by id, "
                f"{count(standing.matched_by_rule)} by rule, {count(standing.unmatched)} not; "
                f"{count(sum(standing.breaks.values()))} breaks found, {count(sum(standing.open_breaks.values()))} open"
            )
        reader = place.database(DatabaseProcess.READER)
        cash = self._cash(place, answers, days[-1])
        with stages.stage("planted", "are the planted faults found?") as say:
            planted = self._planted(place, standing, faults)
            say(", ".join(f"{fault} {found.found}/{found.planted}" for fault, found in sorted(planted.items())))
        return MoneyRun(
            plans=PlanFigures(opened=cash.plans, instalments=cash.instalments),
            reconciliation=demo_standing.reconciliation_figures(standing),
            cash=cash.months,
            breaks=demo_standing.break_rows(standing, self.currency),
            financed_minor=cash.financed_minor,
            collected_minor=cash.received_minor,
            planted=planted,
            plan_events=kinds_seen(place.database(DatabaseProcess.READER), not_reached_kinds()),
            notes=(*_notes(standing, days[-1]), closing_note(closings_of(reader, self.currency), self.currency)),
        )

    def _cash(self, place: DemoPlace, answers: Sequence[Answer], until: date) -> Cash:
        from ledger.books.postgres import connect
        from lending.plan.plan import plan_id_of
        from lending.servicing.postgres import PostgresPlans

        with connect(place.database(DatabaseProcess.READER)) as connection:
            plan_ids = (plan_id_of(answer.decision_id) for answer in answers)
            return cash_against_plan(PostgresPlans(connection), plan_ids, until)

    def _planted(self, place: DemoPlace, standing: Standing, faults: Mapping[str, Any]) -> dict[str, Planted]:
        from pipelines.lake.iceberg import IcebergTables
        from pipelines.settings import Settings

        tables = IcebergTables(Settings.from_environment(place.environ))
        among_events = found_in_lake(tables, read_labels(self.folder / "labels.json"))
        return planted_together(among_events, found_in_files(standing, faults))


def _notes(standing: Standing, last_day: date) -> tuple[str, ...]:
    notes = [f"Collected and reconciled up to {last_day}; what falls due later is not part of this run."]
    ours = load_profile().bank_accounts
    for bank in standing.banks:
        statement, books = money(bank.statement_minor, bank.currency), money(bank.ledger_minor, bank.currency)
        if bank.bank_account not in ours:
            notes.append(f"{statement} lie on bank account {bank.bank_account}, which is not ours: nothing was posted.")
        else:
            equal = "equals" if statement == books else "differs from"
            notes.append(f"Bank account {bank.bank_account}: the statement's {statement} {equal} the books' {books}.")
    for clearing in standing.clearing:
        balance, explained = money(clearing.balance_minor, clearing.currency), clearing.explained_minor
        notes.append(
            f"Clearing holds {balance}; {count(clearing.attempts)} captures not paid out explain "
            f"{money(explained, clearing.currency)}."
        )
    return tuple(notes)


def _at(row: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(row["checkout_at"])


def _ask(row: Mapping[str, Any]) -> Ask:
    """The API request for a basket; the world also has its time, and whether the shopper accepts an offer."""
    body = {name: value for name, value in row.items() if name not in ("checkout_at", "accepts")}
    return Ask(_at(row), body)
