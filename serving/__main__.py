"""`tranche serve`: the decision API. `tranche serving replay`: stored decisions, computed again."""

import json
import socket
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from serving.listen import PORT, listen
from serving.listing.commands import list_things, show_shopper
from serving.referrals import commands as referral_commands
from terminal.command_line import run, stage
from terminal.database import DatabaseProcess
from terminal.report import AsJson, Form, Report, reporting

app = stage("The decision API, the replay of its decisions, and their review by a person.")
app.command("list")(list_things)
app.command("shopper")(show_shopper)
app.add_typer(referral_commands.app, name="referrals")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help=f"port to listen on; 0 takes any free one; default: {PORT}, or the next free one")
    ] = None,
    as_json: AsJson = False,
    output: Form = "table",
) -> None:
    """Answer decisions over HTTP until SIGTERM or Ctrl-C; prints its address once it listens."""
    import uvicorn

    from serving.app import create_app
    from serving.settings import Settings

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                in_json = as_json or output == "json"
                print(json.dumps({"address": address}) if in_json else f"decisions at {address}", flush=True)
                if not in_json:
                    print("it asks for a key; `tranche local key` prints that of a local runtime", flush=True)

    application = create_app(Settings.from_environment())
    with listen(host, port) as listener:
        taken = listener.getsockname()[1]
        address = f"http://{host}:{taken}"
        if port is None and taken != PORT:
            print(f"port {PORT} is taken; it listens on {taken}", file=sys.stderr)
        config = uvicorn.Config(application, access_log=False, log_level="warning", server_header=False)
        Announcing(config).run(sockets=[listener])


@app.command()
@reporting("decision_id", "cause", "detail")
def replay(
    decision_id: Annotated[str | None, typer.Option("--id", help="one decision")] = None,
    every: Annotated[bool, typer.Option("--all", help="every decision that was ever made")] = False,
) -> Report:
    """Compute decisions again from what was stored with them; exit code 1 when one differs."""
    from lending.terms import policy_file
    from serving import replay as act
    from serving.postgres import serving_connection
    from serving.settings import Settings

    if (decision_id is None) is not every:
        raise typer.BadParameter("say either --id ID or --all")
    settings = Settings.from_environment(process=DatabaseProcess.READER)
    policies = policy_file.load_policies()
    with serving_connection(settings.database_url) as connection:
        if decision_id is None:
            report = act.replay_all(connection, settings.models_dir, policies)
        else:
            result = act.replay_decision(connection, decision_id, settings.models_dir, policies)
            report = act.ReplayReport(1, (result,) if isinstance(result, act.Differs) else ())
    tree = report.as_json()

    def shown() -> Iterator[str]:
        yield f"{report.replayed} decisions replayed, {report.identical} identical"
        for differing in report.differing:
            yield f"  {differing.decision_id}: {differing.cause}: {differing.detail}"

    return Report(tree, shown(), tree["differing"], 1 if report.differing else 0)


@app.command()
@reporting("number", "read_at", "principal_id", "purpose", "route", "subject")
def accesses(
    subject: Annotated[str | None, typer.Option(help="what was read, such as plan_id=p-1")] = None,
    by: Annotated[str | None, typer.Option(help="a principal's id")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="how many, the newest first")] = 50,
) -> Report:
    """Show who read over HTTP what is kept of a person, and what for, the newest first."""
    from serving.entrance.list_accesses import access_tree
    from serving.entrance.postgres_accesses import PostgresAccesses
    from serving.postgres import serving_connection
    from serving.settings import Settings

    with serving_connection(Settings.from_environment().database_url) as connection:
        found = PostgresAccesses(connection).newest(subject=subject, principal_id=by, before=None, most=most)
    rows = [access_tree(each) | {"read_at": each.record.read_at.isoformat()} for each in found]
    lines = [
        f"{row['read_at']}  {row['principal_id']}  {row['purpose']}  {row['route']}  {row['subject']}" for row in rows
    ]
    return Report({"accesses": rows}, [*lines, f"{len(rows)} readings"], rows)


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche serving"))
