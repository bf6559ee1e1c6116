"""`tranche demo`: run the whole path once, in its own runtime, on the seeded world or on real data.

Writes `summary.json` and `report.html` under `var/demo`. The exit code is 1 if a promise of the platform was not kept,
and 2 if a stage could not finish. It ends every process that it started, unless --keep leaves the API running.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.sources.online_retail import by_day
from simulation.world.size import Size
from terminal.command_line import stage
from terminal.database import PROCESS_SETTINGS, DatabaseProcess
from terminal.fault import Fault
from terminal.report import AsJson, Form
from tranche.demo.course import Course, DemoPlace, MoneyRun
from tranche.demo.decisions import Answer, CheckoutClient, decision_figures, reasons, replayed
from tranche.demo.facts import facts_into_the_lake
from tranche.demo.interrupt import ended_in_order
from tranche.demo.lake import LakeRun, run_lake
from tranche.demo.needs import NEEDS, check_needs, room_at, words
from tranche.demo.postgres_roles import try_roles
from tranche.demo.retail import RetailReplay
from tranche.demo.stages import DemoStages
from tranche.local.api_process import KEPT, ApiProcess, stop_noted
from tranche.local.clock_file import ClockFile
from tranche.local.join_profile import header
from tranche.local.profiles import DEMO, make_current, profile_named
from tranche.local.runtime import LocalRuntime
from tranche.report.details import Details
from tranche.report.page import write_report
from tranche.report.summary import DecisionFigures, Facts, RoleSeen, Summary
from tranche.report.terminal_summary import print_summary
from tranche.report.wording import count
from tranche.settings import Settings, take_over, without_owner

app = stage("The whole path, once through.")
EXIT_BROKEN_PROMISE = 1
WIDTH_OF_A_LOG = 110


class DemoSource(StrEnum):
    """The sources that the demo can run on."""

    SEEDED = "seeded"
    BERKA = "berka"
    ONLINE_RETAIL = "online_retail"


class DemoFault(Fault):
    """Raised when the demo cannot begin as requested."""


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """What to run. By default Berka if its data exist, or else the seeded world of `seed`."""

    data: Path | None = None
    source: DemoSource | None = None
    train_until: date | None = None
    test_until: date | None = None
    seed: int = 7
    size: Size = field(default_factory=Size)
    keep: bool = False


@app.command()
def run_demo(
    *,
    data: Annotated[Path | None, typer.Option(help="Folder with the source's files, or with its folder in it.")] = None,
    source: Annotated[DemoSource | None, typer.Option(help="What to run over; with --data alone it is berka.")] = None,
    train_until: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day to learn from.")] = None,
    test_until: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day to be judged by.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the API and the runtime up.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what an earlier --keep left up.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the world that is made without --data.")] = 7,
    borrowers: Annotated[int, typer.Option(min=200, help="Past applicants in that world.")] = Size.borrowers,
    buyers: Annotated[int, typer.Option(min=20, help="Shoppers at its checkouts.")] = Size.buyers,
    as_json: AsJson = False,
    output: Form = "table",
) -> None:
    """The whole path, once through: events, features, model, decisions, plans, cash, books."""
    folder = Settings.from_environment().var / "demo"
    if stop:
        stop_kept(folder)
        return
    split = _day("--train-until", train_until), _day("--test-until", test_until)
    request = DemoRequest(data, source, *split, seed, Size(borrowers, buyers), keep)
    as_json = as_json or output == "json"
    console = Console(stderr=as_json)
    if not console.is_terminal:
        console.width = WIDTH_OF_A_LOG
    with ended_in_order(LocalRuntime(folder / "runtime").kill):
        summary = demo(request, folder, console)
    chosen = make_current(folder.parent, DEMO)
    said = f"{header(chosen)}   (every command works on this world now; tranche use local leaves it)"
    console.print(said, highlight=False, soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(summary.as_tree()))
    if summary.broken_promises():
        raise typer.Exit(EXIT_BROKEN_PROMISE)


def demo(request: DemoRequest, folder: Path, console: Console) -> Summary:
    """Run one source from end to end; raises DemoFault before anything starts, StageFailed in a stage."""
    run = (
        RetailReplay(retail_days(request)) if request.source is DemoSource.ONLINE_RETAIL else course_of(request, folder)
    )
    stop_kept(folder)
    needs, room = NEEDS[run.name], room_at(folder)
    check_needs(needs, room)
    stages = DemoStages(console)
    console.rule(f"[bold]{run.title}")
    console.print(f"[dim]{words(needs, room)}[/]", highlight=False, soft_wrap=True)
    with _logged_into(folder / "demo.log"), ExitStack() as started:
        place = _runtime(stages, folder, started)
        if isinstance(run, RetailReplay):
            api, (summary, details) = None, run.replay(stages, place)
        else:
            api, summary, details = _decided(stages, run, place, started)
        if request.keep:
            started.pop_all()  # they are left running; `stop_kept` stops them
    summary.write(folder / "summary.json")
    write_report(folder / "report.html", summary, details)
    print_summary(console, summary, details)
    console.print(
        f"report   {_from_here(folder / 'report.html')}\nfigures  {_from_here(folder / 'summary.json')}",
        highlight=False,
        soft_wrap=True,
    )
    if request.keep:
        if api is not None:
            api.note(folder / KEPT)
        kept = "runtime is up" if api is None else f"API      {api.address}/docs"
        console.print(f"{kept}   (tranche demo --stop ends it)", highlight=False, soft_wrap=True)
    return summary


def _decided(
    stages: DemoStages, course: Course, place: DemoPlace, started: ExitStack
) -> tuple[ApiProcess, Summary, Details]:
    """Run a course in which plans begin with decisions; returns the API, the summary and the report's details."""
    course.prepare(stages)
    lake = run_lake(stages, place.environ, course.source, course.split, course.as_of)
    api = _serve(stages, place, started)
    with CheckoutClient(api.address, place.clock, place.environ["TRANCHE_KEY"]) as checkout:
        answers = course.decide(stages, place, lake, checkout)
        decisions = _replay(stages, place, checkout, answers)
    money = course.move_money(stages, place, answers)
    facts = facts_into_the_lake(stages, place)
    roles = try_roles(stages, place)
    return api, *_conclude(stages, course, place, Parts(lake, answers, decisions, money, facts, roles))


def retail_days(request: DemoRequest) -> Path:
    """The folder of Online Retail's daily files; raises DemoFault if there is none."""
    if request.data is None:
        raise DemoFault("--source online_retail needs --data: the folder with online_retail/by-day in it")
    folder = by_day(request.data)
    if not any(folder.glob("*.csv*")):
        raise DemoFault(
            f"no days of Online Retail in {folder}: expected a file a day there, like 2010-12-01.csv or .csv.gz"
        )
    return folder


def course_of(request: DemoRequest, folder: Path) -> Course:
    """The course to run; raises DemoFault if Berka was asked for and its tables do not exist."""
    if request.source is DemoSource.SEEDED and request.data is not None:
        raise DemoFault("--source seeded makes its own data: leave --data out")
    if request.source is DemoSource.BERKA and request.data is None:
        raise DemoFault("--source berka needs --data: the folder with the Berka tables, or with berka/ in it")
    if request.data is None:
        from tranche.demo.seeded import SeededCourse

        return SeededCourse(request.seed, request.size, folder / "world", request.train_until, request.test_until)
    from tranche.demo.berka import BerkaCourse

    return BerkaCourse(berka_folder(request.data), request.train_until, request.test_until)


def berka_folder(data: Path) -> Path:
    """The folder of the Berka tables; raises DemoFault, which says where they were looked for."""
    for folder in (data / "berka", data):
        if any(folder.glob("account.asc*")):
            return folder
    raise DemoFault(f"no Berka tables in {data} or {data / 'berka'}: expected account.asc or account.asc.gz there")


def _runtime(stages: DemoStages, folder: Path, started: ExitStack) -> DemoPlace:
    """Start a fresh runtime of the demo's own; `started` stops it, also if it started only in part."""
    runtime = LocalRuntime(folder / "runtime")
    with stages.stage("runtime", "PostgreSQL, AWS endpoint, payment provider") as say:
        runtime.reset()
        started.callback(runtime.down)
        runtime.up()
        profile = profile_named(folder.parent, DEMO)
        assert profile.clock_file is not None
        clock = ClockFile(profile.clock_file)
        environ = take_over(without_owner(profile.environment())) | {"TRANCHE_CLOCK_FILE": str(clock.path)}
        say(f"fresh, its data in {runtime.home}")
    return DemoPlace(folder, environ, clock)


def _of_the_api(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the API's process: of the addresses of the database it has its own alone."""
    others = {*PROCESS_SETTINGS} - {DatabaseProcess.SERVING.setting}
    return {name: value for name, value in environ.items() if name not in others}


def _from_here(path: Path) -> Path:
    """The path relative to the current folder, if it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _serve(stages: DemoStages, place: DemoPlace, started: ExitStack) -> ApiProcess:
    with stages.stage("serve", "the decision API in a process of its own") as say:
        api = ApiProcess(_of_the_api(place.environ), place.folder / "api.log")
        started.callback(api.stop)
        api.wait_until_ready()
        say(f"ready at {api.address}")
    return api


def _replay(
    stages: DemoStages, place: DemoPlace, checkout: CheckoutClient, answers: Sequence[Answer]
) -> DecisionFigures:
    with stages.stage("replay", "every decision computed again from what was stored with it") as say:
        from lending.decision.postgres import PostgresDecisions
        from lending.terms import policy_file
        from models.settings import models_dir
        from serving import replay
        from serving.postgres import serving_connection

        with serving_connection(place.database(DatabaseProcess.READER)) as connection:
            report = replay.replay_all(connection, models_dir(place.environ), policy_file.load_policies())
            differing = {each.decision_id: f"{each.cause}: {each.detail}" for each in report.differing}
            stored = {each.decision_id: each.answer.encode() for each in PostgresDecisions(connection).all()}
        held, unequal = replayed(checkout, answers, lambda it: None if it in differing else stored.get(it))
        say(f"{count(held - len(unequal))} of {count(held)} the same, byte for byte")
        for decision_id in unequal[:5]:
            say(f"{decision_id} differs: {differing.get(decision_id, 'not what the API answered')}")
    return decision_figures(answers, held, unequal)


@dataclass(frozen=True, slots=True)
class Parts:
    """The results of the stages of one run, from which the summary is made."""

    lake: LakeRun
    answers: Sequence[Answer]
    decisions: DecisionFigures
    money: MoneyRun
    facts: Facts
    roles: Mapping[str, RoleSeen]


def _conclude(stages: DemoStages, course: Course, place: DemoPlace, parts: Parts) -> tuple[Summary, Details]:
    from tranche.demo.books import open_items_of, verified_books, with_open_items

    with stages.stage("verify", "every balance against its transfers, debits against credits") as say:
        reader = place.database(DatabaseProcess.READER)
        left = open_items_of(reader)
        books = with_open_items(verified_books(reader, place.database(DatabaseProcess.BOOKS)), left)
        say(f"{count(books.summary.transfers)} transfers in {count(books.summary.entries)} entries")
        say(books.folded)
        say(f"{count(len(left.explained))} of {count(left.groups)} open clearing groups are what is known to be open")
    lake, money = parts.lake, parts.money
    summary = Summary(
        source=course.name,
        seconds=dict(stages.seconds),
        events=lake.events,
        features=lake.features,
        model=lake.model,
        decisions=parts.decisions,
        plans=money.plans,
        reconciliation=money.reconciliation,
        ledger=books.summary,
        facts=parts.facts,
        planted=money.planted,
        plan_events=money.plan_events,
        database_roles=parts.roles,
    )
    details = Details(
        title=course.title,
        currency=course.currency,
        roc=lake.roc,
        calibration=lake.calibration,
        models=lake.models,
        cash=money.cash,
        balances=books.balances,
        flows=books.flows,
        breaks=money.breaks,
        reasons=reasons(parts.answers),
        facts=lake.facts,
        notes=(*lake.notes, *money.notes),
        financed_minor=money.financed_minor,
        collected_minor=money.collected_minor,
        cash_note=money.cash_note,
    )
    return summary, details


def stop_kept(folder: Path) -> None:
    """Stop the API and the runtime that an earlier run with --keep left running, by their process ids."""
    stop_noted(folder / KEPT)
    LocalRuntime(folder / "runtime").down()


@contextmanager
def _logged_into(file: Path) -> Iterator[None]:
    """Write libraries' log records to a file; without a handler they would appear between the lines on the terminal."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(file, mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise DemoFault(f"{option} is {text!r}, which is not a day; for example {option} 1995-12-31") from None
