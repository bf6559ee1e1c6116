"""`tranche policy <act>`: check and test policies, compare two, and list what holds."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from terminal.clock import today
from terminal.command_line import stage
from terminal.report import Report, reporting

app = stage("Policies: check them, test them, compare two, and see which hold.")

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
