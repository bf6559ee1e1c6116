"""`tranche payments breaks <act>`: list breaks, look at one, and deal with it.

The commands of acts are made from the table of the desk's acts: one for each, with its arguments as options.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from payments.break_desk.desk_act import DESK_ACTS, DeskAct, DeskArgument
from payments.commands.reconciliation import breaks
from payments.settings import Settings
from terminal.clock import now
from terminal.command_line import Acts
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from ledger.identity.principal import Principal
    from payments.break_desk.desk_ports import DeskPorts
    from payments.break_desk.perform_desk_act import DeskAnswer

BreakId = Annotated[str, typer.Argument(help="The break's id, as `list` names it; of a matched line, line:KIND:ID.")]
WhyOption = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it is kept with the act.")]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="Makes it safe to repeat; when left out, the same words on the same day are one act."),
]


class BreakActs(Acts):
    """The acts on breaks; without the name of one, the list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = args if args and (not args[0].startswith("-") or args[0] == "--help") else ["list", *args]
        return super().parse_args(ctx, words)


app = typer.Typer(
    cls=BreakActs,
    help="What does not reconcile: list it, look at it, and deal with it, with a reason.",
    add_completion=False,
    rich_markup_mode=None,
)
app.command("list")(breaks)


@app.command("show")
@reporting()
def show(break_id: BreakId) -> Report:
    """Show a break with its line, everything that happened to it, and who did what."""
    from payments.break_desk.desk_answers import break_tree
    from payments.break_desk.perform_desk_act import UnknownBreak

    with _desk() as (ports, _):
        case = ports.desk.case(break_id, lock=False)
        if case is None:
            raise UnknownBreak(break_id)
        tree = break_tree(case, ports.desk.events(break_id), ports.desk.acts_on(break_id))

    def shown() -> Iterator[str]:
        state = f"closed on {tree['closed_on']}: {tree['closed_by']}" if tree["closed_on"] else "open"
        yield f"{break_id}: {case.broken.break_class}, {case.broken.severity}, {state}"
        yield f"  {case.broken.owner} deals with it, by {case.broken.due_by}"
        yield f"  {case.broken.amount or ''} {tree['reason']}".rstrip()
        for each in tree["events"]:
            yield f"  {each['on_day']}  {each['event']:<16} {each['actor']}: {each['reason']}"

    return Report(tree, shown())


@app.command("approve")
@reporting()
def approve(proposal_id: Annotated[str, typer.Argument(help="The proposal's id.")]) -> Report:
    """Approve another principal's proposal and do it; exit code 1 when it is not done."""
    from payments.break_desk.perform_desk_act import approve_desk_act

    with _desk() as (ports, principal):
        answer = approve_desk_act(proposal_id, principal(), ports)
    return _report(answer)


@app.command("proposals")
@reporting("proposal_id", "break_id", "act", "by", "reason", "expires_at")
def proposals() -> Report:
    """List the acts on breaks that wait for a second person, the oldest first."""
    from payments.break_desk.desk_answers import desk_proposal_tree

    with _desk() as (ports, _):
        found = [desk_proposal_tree(each) for each in ports.desk.open_proposals(ports.at)]

    def shown() -> Iterator[str]:
        for each in found:
            yield f"{each['proposal_id']}: {each['act']} {each['break_id']} by {each['by']}: {each['reason']}"
            yield f"    {'; '.join(each['because'])}; until {each['expires_at'][:16].replace('T', ' ')} UTC"
        yield f"{len(found):,} proposals are open"

    return Report({"proposals": found}, shown(), found)


def _act_command(act: DeskAct) -> Callable[..., None]:
    """The command of one act, made from its row of the table."""

    def command(break_id: str, *, reason: str, key: str | None, **words: str | None) -> Report:
        from payments.break_desk.desk_log import AskedDeskAct
        from payments.break_desk.perform_desk_act import perform_desk_act

        arguments = {name: word for name, word in words.items() if word is not None}
        with _desk() as (ports, principal):
            own = key or _own_key(break_id, act.name, arguments, reason, str(ports.today))
            answer = perform_desk_act(AskedDeskAct(break_id, act.name, arguments, reason, own), principal(), ports)
        return _report(answer)

    keyword = inspect.Parameter.KEYWORD_ONLY
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("break_id", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=BreakId),
            *(_parameter(each) for each in act.arguments if each.required),
            inspect.Parameter("reason", keyword, annotation=WhyOption),
            *(_parameter(each) for each in act.arguments if not each.required),
            inspect.Parameter("key", keyword, default=None, annotation=KeyOption),
        ],
        return_annotation=Report,
    )
    command.__doc__ = act.meaning
    command.__name__ = act.name.replace("-", "_")
    return reporting()(command)


def _parameter(argument: DeskArgument) -> inspect.Parameter:
    option = typer.Option(f"--{argument.name.replace('_', '-')}", help=argument.meaning)
    keyword = inspect.Parameter.KEYWORD_ONLY
    if argument.required:
        return inspect.Parameter(argument.name, keyword, annotation=Annotated[str, option])
    return inspect.Parameter(argument.name, keyword, default=None, annotation=Annotated[str | None, option])


for _each in DESK_ACTS.values():
    app.command(_each.name)(_act_command(_each))


@contextmanager
def _desk() -> "Iterator[tuple[DeskPorts, Callable[[], Principal]]]":
    """The desk over one database transaction, and who acts: whose key TRANCHE_KEY is."""
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import identify
    from payments.break_desk.desk_ports import desk_over
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import adapters_over

    settings, at = Settings.from_environment(), now()
    with connected(settings.database_url) as connection, connection.transaction():
        ports = desk_over(adapters_over(connection, NoProvider()), at)
        yield ports, lambda: identify(settings.key, principals=PostgresPrincipals(connection), at=at)


def _own_key(*content: object) -> str:
    """A key made of the content: the same words on the same day are one act."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _report(answer: "DeskAnswer") -> Report:
    from payments.break_desk.desk_answers import desk_answer_tree

    tree = desk_answer_tree(answer)
    if tree["status"] == "refused":
        typer.echo(f"refused: {tree['code']}: {tree['detail']}", err=True)
        return Report(tree, [], exit_code=1)
    again = "" if tree["new"] else " before; nothing changed"
    return Report(tree, _said(tree, again))


def _said(tree: dict[str, Any], again: str) -> Sequence[str]:
    what = f"{tree['act']} {tree['break_id']}"
    if tree["status"] == "proposed":
        return [
            f"{what}: proposed by {tree['by']}{again}, because {'; '.join(tree['because'])}",
            f"  another principal approves it until {tree['expires_at'][:10]}:",
            f"  tranche payments breaks approve {tree['proposal_id']}",
        ]
    second = f", approved by {tree['approved_by']}" if tree["approved_by"] else ""
    state = "the break stays open" if tree["still_open"] else "the break is closed"
    return [
        f"{what}: done by {tree['by']}{second}{again}; {state}",
        f"  kept as {tree['act_id']}; {len(tree['posted']):,} entries posted, {len(tree['reversed']):,} reversed",
    ]
