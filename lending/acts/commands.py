"""`tranche lending plan <act>`: read one plan, quote its payoff, act on it, approve what others propose, act on many.

The commands of acts are made from the table of acts: one for each, with its arguments as options.
"""

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ledger.money import Currency, Money
from lending.acts.act import ACTS, NOT_BY_HAND, Argument, ArgumentForm, PlanAct
from lending.settings import Settings
from terminal.clock import now
from terminal.command_line import stage
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from psycopg import Connection

    from ledger.identity.principal import Principal
    from lending.acts.log import AskedAct
    from lending.acts.perform import ActDone, ActPorts, ActProposed, ActRefused, NotAllowed
    from lending.acts.preview import ActPreview

    ActAnswer = ActDone | ActProposed | ActRefused | NotAllowed

app = stage("Read one plan, quote its payoff, and act on it; acts have an actor, a reason and a preview.")

PlanId = Annotated[str, typer.Argument(help="The plan's id.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is kept with the act.")]

_EXIT_REFUSED = 1


@app.command("show")
@reporting()
def show(plan_id: PlanId) -> Report:
    """Show a plan as of today: what is owed, its schedule, events and acts, and which acts it can take now."""
    from lending.acts import look
    from lending.acts.answers import look_tree

    with _counter() as (ports, _, _):
        found = look.look_at_plan(plan_id, plans=ports.plans, acts=ports.acts, terms=ports.terms, at=ports.at)
    tree = look_tree(found)

    def shown() -> Iterator[str]:
        late = tree["days_past_due"]
        yield f"{plan_id}: {tree['status']} on {tree['as_of']}, {found.state.owed} owed, {late} days past due"
        yield from _schedule(tree)
        yield f"  it can take: {', '.join(found.allowed) or 'nothing'}"
        yield from (f"  not {name}: {reason}" for name, reason in found.not_now.items())
        for event in tree["events"]:
            yield f"  {event['value_date']}  {event['kind']:<16} {event['event_id']}"
        for act in tree["acts"]:
            second = f", approved by {act['approved_by']}" if act["approved_by"] else ""
            yield f"  {act['act_id']}: {act['act']} by {act['by']}{second}: {act['reason']}"

    return Report(tree, shown())


@app.command("quote")
@reporting()
def quote(
    plan_id: PlanId,
    *,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; today when left out.")] = None,
) -> Report:
    """Quote what settles a plan on any day since it was opened, with that day's interest and fees."""
    from lending.acts.answers import quote_tree
    from lending.acts.look import quote_payoff

    with _counter() as (ports, _, _):
        day = None if on is None else on.date()
        payoff = quote_payoff(plan_id, day, plans=ports.plans, ledger=ports.ledger, terms=ports.terms, at=ports.at)
    tree = quote_tree(plan_id, payoff)
    lines = [
        f"{plan_id}: {payoff.amount} settles it on {payoff.as_of}",
        f"  principal {payoff.principal}, interest {payoff.interest}, fees {payoff.fees}, in flight {payoff.in_flight}",
    ]
    return Report(tree, lines)


@app.command("approve")
@reporting()
def approve(proposal_id: Annotated[str, typer.Argument(help="The proposal's id.")]) -> Report:
    """Approve another principal's proposal and do it; exit code 1 when it is not done."""
    from lending.acts.perform import approve_act

    with _counter() as (ports, principal, _):
        answer = approve_act(proposal_id, principal(), ports)
    return _report(answer)


@app.command("withdraw")
@reporting()
def withdraw(
    proposal_id: Annotated[str, typer.Argument(help="The proposal's id, as it was printed.")], *, reason: Reason
) -> Report:
    """Take back your own proposal, which nobody approves after that; exit code 1 when it stays."""
    from lending.acts.answers import answer_tree
    from lending.acts.withdraw import ActWithdrawn, withdraw_act

    with _counter() as (ports, principal, _):
        answer = withdraw_act(proposal_id, reason, principal(), ports)
    if not isinstance(answer, ActWithdrawn):
        return _report(answer)
    tree = answer_tree(answer)
    again = "" if tree["new"] else " before; nothing changed"
    return Report(tree, [f"{proposal_id}: {tree['act']} on {tree['plan_id']} is withdrawn by {tree['by']}{again}"])


@app.command("proposals")
@reporting("proposal_id", "plan_id", "act", "by", "reason", "expires_at")
def proposals() -> Report:
    """List the proposals that wait for a second person, the oldest first."""
    from lending.acts.answers import proposal_tree

    with _counter() as (ports, _, _):
        found = [proposal_tree(each) for each in ports.acts.open_proposals(ports.at)]

    def shown() -> Iterator[str]:
        for each in found:
            yield f"{each['proposal_id']}: {each['act']} on {each['plan_id']} by {each['by']}: {each['reason']}"
            yield f"    {'; '.join(each['because'])}; until {each['expires_at'][:16].replace('T', ' ')} UTC"
        yield f"{len(found):,} proposals are open"

    return Report({"proposals": found}, shown(), found)


@app.command("bulk")
@reporting("line", "plan_id", "status", "act_id", "detail")
def bulk(
    act: Annotated[str, typer.Argument(help=f"The act: {', '.join(ACTS)}.")],
    *,
    file: Annotated[Path, typer.Option(help="A CSV file with plan_id and the act's arguments.", exists=True)],
    reason: Reason,
    key: Annotated[str, typer.Option(help="Names this file: taken again under the same key, it does nothing twice.")],
    out: Annotated[Path | None, typer.Option(help="Where the answers go as CSV, one for each row.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Say what each row would do, and do nothing.")] = False,
) -> Report:
    """Do one act on the plans of a file, each row for itself; exit code 1 when a row is neither done nor proposed."""
    from dataclasses import asdict

    from lending.acts import act_file
    from lending.acts.perform import perform
    from lending.acts.preview import preview_act

    with _counter() as (ports, principal, connection):
        by = principal()
        connection.commit()  # from here on each row is a transaction of its own

        def do(asked: "AskedAct") -> "ActAnswer | ActPreview":
            with connection.transaction():
                return preview_act(asked, by, ports) if preview else perform(asked, by, ports)

        rows = act_file.act_on_file(act, file, do, key=key, reason=reason)
    if out is not None:
        act_file.write_act_rows(out, rows)
    counted = act_file.statuses(rows)

    def shown() -> Iterator[str]:
        for each in rows:
            if each.status not in ("done", "again", "would_do"):
                yield f"  line {each.line}: {each.plan_id}: {each.status}: {each.detail}"
        told = ", ".join(f"{number:,} {status}" for status, number in sorted(counted.items()))
        yield f"{file.name}: {len(rows):,} rows: {told or 'none'}"

    failed = any(counted.get(status) for status in ("refused", "not_allowed", "wrong"))
    listed = [asdict(each) for each in rows]
    return Report({"rows": listed, "statuses": dict(counted)}, shown(), listed, _EXIT_REFUSED if failed else 0)


def _act_command(act: PlanAct) -> Callable[..., None]:
    """The command of one act, made from its row of the table."""

    def command(
        plan_id: str, *, reason: str, on: datetime | None, key: str | None, preview: bool, **words: Any
    ) -> Report:
        from lending.acts.arguments import read_words, tree_of_arguments
        from lending.acts.log import AskedAct
        from lending.acts.perform import perform
        from lending.acts.preview import preview_act

        tree = tree_of_arguments(act, read_words(act, words))
        day = None if on is None else on.date()
        with _counter() as (ports, principal, _):
            by = principal()
            own = key or _own_key(plan_id, act.name, tree, reason, str(day or ports.at.date()))
            asked = AskedAct(plan_id, act.name, tree, reason, own, day)
            if preview:
                return _preview_report(preview_act(asked, by, ports))
            answer = perform(asked, by, ports)
        return _report(answer)

    needed = [_parameter(each) for each in act.arguments if each.required]
    others = [_parameter(each) for each in act.arguments if not each.required]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("plan_id", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=PlanId),
            *needed,
            _keyword("reason", Reason),
            *others,
            _keyword("on", Annotated[datetime | None, _ON], None),
            _keyword("key", Annotated[str | None, _KEY], None),
            _keyword("preview", Annotated[bool, _PREVIEW], False),
        ],
        return_annotation=Report,
    )
    command.__doc__ = act.meaning
    command.__name__ = act.name.replace("-", "_")
    return reporting()(command)


_ON = typer.Option(formats=["%Y-%m-%d"], help="The day from which it counts, not after today; today when left out.")
_KEY = typer.Option(help="Makes it safe to repeat; when left out, the same words on the same day are one act.")
_PREVIEW = typer.Option("--preview", help="Show the schedule before and after and the journals, and do nothing.")
_WRITTEN: Mapping[ArgumentForm, str] = {
    ArgumentForm.MONEY: ', such as "50.00 GBP"',
    ArgumentForm.DAY: ", such as 2026-05-01",
    ArgumentForm.RATE: ", and 948.22 is 9.4822 %",
    ArgumentForm.DUES: ', such as "2026-05-01 30.00 GBP"; once for each due',
}


def _parameter(argument: Argument) -> inspect.Parameter:
    forms: Mapping[ArgumentForm, Any] = {
        ArgumentForm.FLAG: bool,
        ArgumentForm.DUES: list[str],
        ArgumentForm.NUMBER: int,
    }
    form = Literal[argument.choices] if argument.choices else forms.get(argument.form, str)
    option = typer.Option(
        f"--{argument.name.replace('_', '-')}", help=f"{argument.meaning}{_WRITTEN.get(argument.form, '')}"
    )
    if argument.required:
        return _keyword(argument.name, Annotated[form, option])
    if argument.form is ArgumentForm.FLAG:
        return _keyword(argument.name, Annotated[bool, option], False)
    return _keyword(argument.name, Annotated[form | None, option], None)


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _refusing_command(kind: str) -> Callable[[], None]:
    """The command of a kind of event that is not recorded by hand: it says who records it."""

    def command() -> None:
        from lending.acts.perform import UnknownAct

        raise UnknownAct(kind)

    return command


for _each in ACTS.values():
    app.command(_each.name)(_act_command(_each))
for _kind in NOT_BY_HAND:
    _any = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}
    app.command(_kind.replace("_", "-"), hidden=True, context_settings=_any)(_refusing_command(_kind))


@contextmanager
def _counter() -> "Iterator[tuple[ActPorts, Callable[[], Principal], Connection[Any]]]":
    """The ports of acts over one database transaction, and who acts: whose key TRANCHE_KEY is."""
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.identity.authority import authority_file
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import identify
    from lending.acts.perform import ActPorts
    from lending.acts.postgres_acts import PostgresActs, settled_entries
    from lending.servicing.postgres import PostgresPlans
    from lending.terms.products import servicing_terms

    settings, at = Settings.from_environment(), now()
    with connect(settings.database_url) as connection:
        ports = ActPorts(
            plans=PostgresPlans(connection),
            ledger=PostgresLedger(connection),
            acts=PostgresActs(connection),
            terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
            settled=settled_entries(connection),
            authority=authority_file(),
            at=at,
        )
        yield ports, lambda: identify(settings.key, principals=PostgresPrincipals(connection), at=at), connection


def _own_key(*content: object) -> str:
    """A key made of the content: the same words on the same day are one act."""
    from lending.canonical import canonical

    return hashlib.sha256(canonical({"content": list(content)}).encode()).hexdigest()[:16]


def _report(answer: "ActAnswer") -> Report:
    from lending.acts.answers import answer_tree
    from lending.acts.arguments import read_tree, said_of

    tree = answer_tree(answer)
    if "reasons" in tree:
        for each in tree["reasons"]:
            typer.echo(f"{tree['status'].replace('_', ' ')}: {each['code']}: {each['detail']}", err=True)
        return Report(tree, [], exit_code=_EXIT_REFUSED)
    act = ACTS[tree["act"]]
    what = ", ".join([f"{act.name} on {tree['plan_id']}", *said_of(act, read_tree(act, tree["arguments"]))])
    again = "" if tree["new"] else " before; nothing changed"

    def shown() -> Iterator[str]:
        if tree["status"] == "proposed":
            yield f"{what}: proposed by {tree['by']}{again}, because {'; '.join(tree['because'])}"
            yield f"  another principal approves it until {tree['expires_at'][:10]}:"
            yield f"  tranche lending plan approve {tree['proposal_id']}"
            return
        second = f", approved by {tree['approved_by']}" if tree["approved_by"] else ""
        yield f"{what}: done by {tree['by']}{second}{again}; it counts from {tree['value_date']}"
        yield f"  kept as {tree['act_id']}; {len(tree['posted']):,} entries posted, {len(tree['reversed']):,} reversed"

    return Report(tree, shown())


def _preview_report(preview: "ActPreview") -> Report:
    from lending.acts.answers import preview_tree
    from lending.acts.arguments import read_tree, said_of

    tree = preview_tree(preview)
    act = ACTS[tree["act"]]

    def shown() -> Iterator[str]:
        what = ", ".join([f"{act.name} on {tree['plan_id']}", *said_of(act, read_tree(act, tree["arguments"]))])
        yield f"{what}, counted from {tree['value_date']}: a preview, nothing is done"
        for name in ("before", "after"):
            yield f"  {name}: {tree[name]['status']}, {_money(tree[name]['owed_minor'], tree[name]['currency'])} owed"
            yield from _schedule(tree[name])
        for entry in tree["posted"]:
            yield f"  posts {entry['entry_id']}"
            for each in entry["transfers"]:
                amount = _money(each["amount_minor"], each["currency"])
                yield f"    {amount!s:>18}  debit {each['debit']}  credit {each['credit']}"
        for entry_id in tree["reversed"]:
            yield f"  reverses {entry_id}"
        for reason in tree["second_person"]:
            yield f"  needs a second person: {reason}"
        if tree["known"]:
            yield "  it was done or proposed before under this key: nothing would change"
        if not tree["in_role"]:
            yield "  your role may not do this"

    for each in tree["refused"]:
        typer.echo(f"refused: {each['code']}: {each['detail']}", err=True)
    return Report(tree, shown(), exit_code=_EXIT_REFUSED if tree["refused"] else 0)


def _schedule(tree: Mapping[str, Any]) -> Iterator[str]:
    for each in tree["instalments"]:
        amounts = [_money(each[name], tree["currency"]) for name in ("principal_minor", "interest_minor", "open_minor")]
        principal, interest, left = amounts
        yield f"    {each['number']:>3}  {each['due_on']}  principal {principal}, interest {interest}, open {left}"


def _money(minor: int, currency: str) -> Money:
    return Money(minor, Currency(currency))
