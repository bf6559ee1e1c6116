"""`tranche policy <act>`: check, test, compare and try policies, list what holds, and stop lending."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.money import Currency
from lending.terms.product import Product
from terminal.clock import today
from terminal.command_line import stage
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from ledger.identity.principal import Principal
    from serving.postgres import Connection

app = stage("Policies: check them, test them, try them on past orders, see which hold, and stop lending.")

Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="the folder of the policies; the lender's own when left out", file_okay=False),
]


@app.command("lint")
@reporting("file", "line", "place", "reason")
def lint(folder: Folder = None) -> Report:
    """Check every policy and its table of cases; exit code 1 when something is wrong, with file, line and reason."""
    from lending.terms.policy_file import policies_folder
    from serving.policy.lint_folder import lint_folder

    found = lint_folder(folder or policies_folder())
    rows = [
        {"file": each.file, "line": each.line, "place": each.place, "reason": each.reason} for each in found.troubles
    ]

    def shown() -> Iterator[str]:
        yield from map(str, found.troubles)
        rules = sum(len(policy.rules) for policy in found.policies.values())
        yield f"{len(found.policies)} policies, {rules} rules, {found.cases} cases, {len(rows)} troubles"

    tree = {"policies": sorted(found.policies), "cases": found.cases, "troubles": rows}
    return Report(tree, shown(), rows, 1 if rows else 0)


@app.command("test")
@reporting("file", "case", "line", "outcome", "reasons", "passed")
def run_cases(folder: Folder = None) -> Report:
    """Run the cases of every policy; exit code 1 when one has another outcome than its row says."""
    from lending.decision.policy_cases import outcome_of_rules, read_cases
    from lending.terms.policy_file import load_policies, parse_policy, policies_folder

    place = folder or policies_folder()
    load_policies(place)
    rows = list[dict[str, object]]()
    for table in sorted(place.glob("*.csv")):
        policy = parse_policy(table.with_suffix(".toml").read_text(encoding="utf-8"), table.with_suffix(".toml").name)
        for case in read_cases(table.read_text(encoding="utf-8"), table.name):
            outcome, reasons = outcome_of_rules(policy, case.facts)
            passed = (outcome, reasons) == (case.outcome, case.reasons)
            rows.append(
                {"file": table.name, "case": case.name, "line": case.line, "outcome": outcome,
                 "reasons": " ".join(sorted(reasons)), "passed": passed}
            )  # fmt: skip
    failed = [row for row in rows if not row["passed"]]

    def shown() -> Iterator[str]:
        for row in failed:
            yield f"{row['file']}, line {row['line']}: {row['case']}: is {row['outcome']} {row['reasons']}".rstrip()
        yield f"{len(rows)} cases, {len(failed)} with another outcome than they say"

    return Report({"cases": rows}, shown(), rows, 1 if failed else 0)


@app.command("diff")
@reporting("place", "before", "after")
def diff(
    before: Annotated[Path, typer.Argument(help="The file of the one policy.", exists=True, dir_okay=False)],
    after: Annotated[Path, typer.Argument(help="The file of the other.", exists=True, dir_okay=False)],
) -> Report:
    """Print what differs between two policies, setting by setting and rule by rule."""
    from lending.decision.policy_diff import changes
    from lending.terms.policy_file import parse_policy

    one, other = (parse_policy(file.read_text(encoding="utf-8"), file.name) for file in (before, after))
    rows = [{"place": each.place, "before": each.before, "after": each.after} for each in changes(one, other)]

    def shown() -> Iterator[str]:
        for row in rows:
            yield f"{row['place']}"
            yield from (f"  {mark} {row[side]}" for mark, side in (("-", "before"), ("+", "after")) if row[side])
        yield f"{len(rows)} differences between {before.name} and {after.name}"

    return Report({"digests": [one.digest, other.digest], "changes": rows}, shown(), rows)


@app.command("list")
@reporting("policy_id", "version", "jurisdiction", "currency", "products", "valid_from", "holds_for", "digest")
def list_policies(
    folder: Folder = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the day; today when left out")] = None,
) -> Report:
    """List every version of every policy, and for what it holds on a day."""
    from lending.terms.policy_file import load_policies

    day = today() if on is None else on.date()
    policies = load_policies(folder)
    rows = [
        {
            "policy_id": policy.policy_id,
            "version": policy.version,
            "jurisdiction": policy.jurisdiction,
            "currency": policy.currency.value,
            "products": " ".join(sorted(policy.products)),
            "valid_from": policy.valid_from.isoformat(),
            "holds_for": " ".join(
                sorted(each for each in policy.products if policies.holding(policy.currency, each, day) is policy)
            ),
            "digest": policy.digest,
        }
        for policy in policies
    ]
    lines = [
        f"{row['policy_id']} {row['version']}: {row['currency']} in {row['jurisdiction']} since {row['valid_from']};"
        f" on {day} it holds for {row['holds_for'] or 'nothing'}"
        for row in rows
    ]
    return Report({"on": day.isoformat(), "policies": rows}, lines, rows)


@app.command("backtest")
@reporting("decision_id", "requested", "before", "after", "approved_before", "approved_after", "reasons_after")
def run_backtest(
    policy: Annotated[Path, typer.Argument(help="The file of the policy to try.", exists=True, dir_okay=False)],
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="the first day of decisions")],
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="the last day; today when left out")
    ] = None,
    default_days: Annotated[int, typer.Option(min=1, max=365, help="days past due that count as default")] = 90,
    loss_share: Annotated[float, typer.Option(min=0, max=1, help="share of what was lent that a default loses")] = 1.0,
    html: Annotated[Path | None, typer.Option(help="write the page here too", dir_okay=False)] = None,
) -> Report:
    """Decide past orders again under a policy: who is swapped in and out, approval, and loss with its bounds."""
    from lending.decision.postgres import PostgresDecisions
    from lending.terms.policy_file import parse_policy
    from serving.policy.backtest import DecidedDays, backtest
    from serving.policy.backtest_page import backtest_page
    from serving.policy.backtest_report import backtest_lines, backtest_tree, changed_tree
    from serving.policy.postgres_realised import realised_until
    from serving.postgres import serving_connection
    from serving.replay import ModelFolder
    from serving.settings import Settings

    settings = Settings.from_environment()
    day = today()
    with serving_connection(settings.database_url) as connection:
        found = backtest(
            PostgresDecisions(connection).all(),
            parse_policy(policy.read_text(encoding="utf-8"), policy.name),
            period=DecidedDays(first.date(), day if last is None else last.date()),
            models=ModelFolder(settings.models_dir),
            realised=realised_until(connection, day, default_days=default_days),
            loss_share=loss_share,
        )
    if html is not None:
        html.write_text(backtest_page(found), encoding="utf-8")
    return Report(backtest_tree(found), backtest_lines(found), [changed_tree(each) for each in found.changed])


Why = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it is kept with the stop.")]


@app.command("stop")
@reporting()
def stop(
    *,
    reason: Why,
    currency: Annotated[Currency | None, typer.Option(help="This currency alone; all of them when left out.")] = None,
    product: Annotated[Product | None, typer.Option(help="This product alone; all of them when left out.")] = None,
) -> Report:
    """Stop lending at once: orders that come from now on are not decided. Offers that were made stand."""
    from lending.decision.lending_stop import LendingStop, stop_lending
    from lending.decision.postgres_stops import PostgresStops
    from serving.policy.stops import stop_tree

    with _stopping() as (connection, by, at):
        stop_id = f"stop-{at:%Y%m%dT%H%M%S%f}"
        made = stop_lending(
            LendingStop(stop_id, currency, product, at, by.principal_id, reason), PostgresStops(connection)
        )
    tree = stop_tree(made) | {"stopped_at": made.stopped_at.isoformat()}
    return Report(tree, [f"{made.stop_id}: {made.scope} is stopped by {made.stopped_by}: {reason}"])


@app.command("lift")
@reporting()
def lift(stop_id: Annotated[str, typer.Argument(help="The stop's id, as `stops` lists it.")], *, reason: Why) -> Report:
    """Lift a stop: lending goes on in its scope, unless another stop covers it too."""
    from lending.decision.lending_stop import Lift, lift_stop
    from lending.decision.postgres_stops import PostgresStops

    with _stopping() as (connection, by, at):
        lift_stop(stop_id, Lift(at, by.principal_id, reason), PostgresStops(connection))
    tree = {"stop_id": stop_id, "lifted_at": at.isoformat(), "lifted_by": by.principal_id, "reason": reason}
    return Report(tree, [f"{stop_id} is lifted by {by.principal_id}: {reason}"])


@app.command("stops")
@reporting("stop_id", "scope", "stopped_at", "stopped_by", "reason", "lifted_at", "lifted_by", "lift_reason")
def stops() -> Report:
    """List every stop of lending there ever was, the newest first."""
    from lending.decision.postgres_stops import PostgresStops
    from serving.policy.stops import stop_tree
    from serving.postgres import serving_connection
    from serving.settings import Settings

    with serving_connection(Settings.from_environment().database_url) as connection:
        found = PostgresStops(connection).listed()
    rows = []
    for each in found:
        lifted_at = None if each.lift is None else each.lift.lifted_at.isoformat()
        rows.append(stop_tree(each) | {"stopped_at": each.stopped_at.isoformat(), "lifted_at": lifted_at})
    lines = [
        f"{row['stop_id']}: {row['scope']}, by {row['stopped_by']}: {row['reason']}; "
        + (f"lifted by {row['lifted_by']}: {row['lift_reason']}" if row["lifted_at"] else "HOLDS")
        for row in rows
    ]
    return Report({"stops": rows}, [*lines, f"{len(rows)} stops"], rows)


@contextmanager
def _stopping() -> "Iterator[tuple[Connection, Principal, datetime]]":
    """One transaction and a principal who may stop lending; raises StopFault for another one."""
    from ledger.identity.authority import Right, authority_file
    from lending.decision.lending_stop import StopFault
    from serving.entrance.acting import acting

    with acting() as (connection, by, at):
        if not authority_file().role(by.role).has(Right.STOPS):
            raise StopFault(f"the role {by.role} of {by.principal_id} may not stop lending")
        yield connection, by, at
