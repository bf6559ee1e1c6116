"""`tranche serving referrals`: the queue of cases, what a reviewer does with one, and how reviews go."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from serving.entrance.acting import acting
from serving.settings import Settings
from terminal.command_line import stage
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from lending.referrals.decide_case import CaseAnswer, CaseDecider
    from lending.referrals.work_on_case import CaseDesk

app = stage("Cases: decisions that a person reviews.")

CaseId = Annotated[str, typer.Argument(help="The case's id, as the list shows it.")]
Why = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it is kept with the event.")]

_EXIT_REFUSED = 1
_COLUMNS = ("case_id", "decision_id", "cause", "state", "queue", "amount_minor", "currency", "due_at", "holder")
_FIGURES = ("queue", "cause", "opened", "undecided", "overdue", "approved", "declined", "expired", "overturned",
            "approval_rate", "agreement_rate", "median_hours", "p90_hours")  # fmt: skip


@app.command("list")
@reporting(*_COLUMNS)
def list_cases(
    *,
    queue: Annotated[str | None, typer.Option(help="One queue alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
) -> Report:
    """List the cases that nobody has decided, those that are due first at the front."""
    from lending.referrals.case_tree import case_tree
    from lending.referrals.postgres_cases import PostgresCases

    with acting() as (connection, by, at):
        found = PostgresCases(connection).waiting(queue=queue, merchant_id=by.merchant_id, after=None, limit=limit)
    rows = [case_tree(each, at) for each in found]

    def shown() -> Iterator[str]:
        for each in rows:
            whose = f", claimed by {each['holder']}" if each["holder"] else ""
            late = " OVERDUE" if each["overdue"] else ""
            about = f"{each['amount_minor']} {each['currency']} minor, {', '.join(each['triggers'])}"
            yield f"{each['case_id']}: {each['queue']}, {each['state']}, due {each['due_at']}{late}: {about}{whose}"
        yield f"{len(rows):,} cases"

    return Report({"cases": rows}, shown(), rows)


@app.command("show")
@reporting()
def show_case(case_id: CaseId) -> Report:
    """Show a case with what happened in it, and the documents and reasons that a reviewer may name."""
    from lending.referrals.case_tree import whole_case_tree

    with _desks() as desk:
        stands = desk.case(case_id)
        tree = whole_case_tree(stands, desk.terms_of(stands), desk.at)
    return Report(tree, _whole(tree))


@app.command("claim")
@reporting()
def claim(case_id: CaseId, *, reason: Why = "next in the queue") -> Report:
    """Claim a case for a while; one reviewer at a time has it."""
    from lending.referrals.work_on_case import claim_case

    with _desks() as desk:
        return _done(claim_case(case_id, reason, desk), desk.at)


@app.command("give-back")
@reporting()
def give_back(case_id: CaseId, *, reason: Why) -> Report:
    """Give a claimed case back to its queue."""
    from lending.referrals.work_on_case import give_back_case

    with _desks() as desk:
        return _done(give_back_case(case_id, reason, desk), desk.at)


@app.command("ask")
@reporting()
def ask(
    case_id: CaseId,
    *,
    document: Annotated[list[str], typer.Option(help="A kind of document; may be given several times.")],
    reason: Why,
) -> Report:
    """Ask the shopper for documents; the first time the deadline is set on."""
    from lending.referrals.work_on_case import ask_for_documents

    with _desks() as desk:
        return _done(ask_for_documents(case_id, document, reason, desk), desk.at)


@app.command("receive")
@reporting()
def receive(
    case_id: CaseId,
    *,
    kind: Annotated[str, typer.Option(help="What the document is.")],
    file: Annotated[Path, typer.Option(help="The document; only the digest of its bytes is kept.", exists=True)],
    note: Annotated[str, typer.Option(help="What it shows, without personal data.")] = "",
    reason: Why = "the shopper sent it",
) -> Report:
    """Record that a document came in; the same document counts once."""
    import hashlib

    from lending.referrals.work_on_case import SentDocument, receive_document

    sent = SentDocument(kind, hashlib.sha256(file.read_bytes()).hexdigest(), note)
    with _desks() as desk:
        return _done(receive_document(case_id, sent, reason, desk), desk.at)


@app.command("decide")
@reporting()
def decide(
    case_id: CaseId,
    verdict: Annotated[Literal["approved", "declined"], typer.Argument(help="approved or declined")],
    *,
    code: Annotated[list[str], typer.Option(help="A coded reason, as `show` lists them; may be given several times.")],
    reason: Why,
    amount: Annotated[str | None, typer.Option(help='What is approved, such as "90.00 GBP".')] = None,
    income: Annotated[str | None, typer.Option(help="The monthly income that documents show.")] = None,
    obligations: Annotated[str | None, typer.Option(help="The monthly obligations that documents show.")] = None,
) -> Report:
    """Decide a claimed case; the outcome is a new decision. Some verdicts wait for a second look."""
    from lending.decision.decision import StatedMeans
    from lending.referrals.case import AskedVerdict
    from lending.referrals.decide_case import decide_case
    from lending.terms.review_terms import ReviewVerdict

    if (income is None) is not (obligations is None):
        raise typer.BadParameter("give both --income and --obligations, or neither")
    with _deciders() as decider:
        currency = decider.desk.case(case_id).case.amount.currency
        said = {"amount": amount, "income": income, "obligations": obligations}
        approved, earned, owed = (_minor(name, text, currency) for name, text in said.items())
        means = None if earned is None or owed is None else StatedMeans(earned, owed)
        asked = AskedVerdict(ReviewVerdict(verdict), tuple(code), approved, means)
        return _done(decide_case(case_id, asked, reason, decider), decider.desk.at)


@app.command("second-look")
@reporting()
def second_look(
    case_id: CaseId,
    *,
    agree: Annotated[bool, typer.Option("--agree/--refuse", help="Whether the verdict stands.")],
    reason: Why,
) -> Report:
    """Agree with another reviewer's verdict, which decides the case, or send it back to its queue."""
    from lending.referrals.decide_case import look_again

    with _deciders() as decider:
        return _done(look_again(case_id, agrees=agree, reason=reason, decider=decider), decider.desk.at)


@app.command("contest")
@reporting()
def contest(
    decision_id: Annotated[str, typer.Argument(help="The decision that the shopper contests.")],
    *,
    ground: Annotated[
        Literal["data_wrong", "circumstances_not_known", "not_understood", "other"],
        typer.Option(help="What the shopper says against it."),
    ],
    statement: Annotated[
        Path | None, typer.Option(help="Their own view; only its digest is kept.", exists=True)
    ] = None,
    reason: Why,
) -> Report:
    """Record that a shopper wants a person to review a decision, and open the case."""
    import hashlib

    from ledger.identity.authority import authority_file
    from lending.decision.postgres import PostgresDecisions
    from lending.referrals import open_case
    from lending.referrals.case import ContestGround
    from lending.referrals.postgres_cases import PostgresCases
    from lending.terms.review_terms import review_terms

    sha256 = None if statement is None else hashlib.sha256(statement.read_bytes()).hexdigest()
    with acting() as (connection, by, at):
        decisions = PostgresDecisions(connection)
        answer = open_case.contest(
            open_case.Contest(decision_id, ContestGround(ground), reason, sha256),
            by,
            cases=PostgresCases(connection),
            decision=decisions.get,
            taken=decisions.taken,
            terms=review_terms(),
            authority=authority_file(),
            at=at,
        )
    return _done(answer, at)


@app.command("sweep")
@reporting("case_id", "became", "detail")
def sweep() -> Report:
    """Escalate or decline the cases whose time ran out; exit code 1 when one could not be ended."""
    from lending.referrals.sweep_cases import sweep_cases, sweep_tree

    swept = sweep_cases(_deciders)
    tree = sweep_tree(swept)

    def shown() -> Iterator[str]:
        for each in swept.swept:
            yield f"  {each.case_id}: {each.became}: {each.detail}"
        yield f"{len(swept.swept):,} overdue cases, {swept.opened:,} missing ones opened"

    return Report(tree, shown(), tree["cases"], _EXIT_REFUSED if swept.left else 0)


@app.command("report")
@reporting(*_FIGURES)
def report(
    *,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; 30 days ago when left out.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Up to the midnight of this day.")
    ] = None,
) -> Report:
    """Show outcomes, times to a decision, and rates of override and agreement of the cases opened in a time."""
    from lending.referrals.postgres_cases import PostgresCases
    from lending.referrals.review_figures import figures_tree, review_figures

    with acting() as (connection, by, at):
        last = at if until is None else until.replace(tzinfo=UTC)
        first = last - timedelta(days=30) if since is None else since.replace(tzinfo=UTC)
        cases = [each for each in PostgresCases(connection).opened(first, last) if by.sees(each.case.merchant_id)]
    rows = figures_tree(review_figures(cases, at))

    def shown() -> Iterator[str]:
        for each in rows:
            yield (
                f"{each['queue']} ({each['cause']}): {each['opened']:,} opened, {each['undecided']:,} undecided "
                f"({each['overdue']:,} overdue), {each['approved']:,} approved, {each['declined']:,} declined, "
                f"{each['expired']:,} expired"
            )
            yield (
                f"  approved {each['approval_rate'] or '-'} of a person's decisions, "
                f"second looks agree {each['agreement_rate'] or '-'}, "
                f"half decided in {each['median_hours'] or '-'} h, nine of ten in {each['p90_hours'] or '-'} h"
            )
        yield f"{sum(each['opened'] for each in rows):,} cases opened from {first.date()} to {last.date()}"

    tree = {"since": first.isoformat(), "until": last.isoformat(), "queues": rows}
    return Report(tree, shown(), rows)


@contextmanager
def _desks() -> "Iterator[CaseDesk]":
    from serving.referrals.deciding import case_desk

    with acting() as (connection, by, at):
        yield case_desk(connection, by, at)


@contextmanager
def _deciders() -> "Iterator[CaseDecider]":
    """What decides cases, with the model and the policies of now."""
    from lending.terms import policy_file
    from models.artefact import load_champion
    from serving.decision_code import decision_code_digest
    from serving.referrals.deciding import ReviewUnderwriter, case_decider, case_desk

    model, policies = load_champion(Settings.from_environment().models_dir), policy_file.load_policies()
    with acting() as (connection, by, at):
        underwriter = ReviewUnderwriter(connection, model, policies, decision_code_digest(), at)
        yield case_decider(case_desk(connection, by, at), underwriter)


def _done(answer: "CaseAnswer", at: datetime) -> Report:
    from lending.decision.decide_review import ReviewRefused
    from lending.referrals.case_tree import case_tree
    from lending.referrals.open_case import CaseRefused

    refused: list[dict[str, str]] = []
    if isinstance(answer, CaseRefused):
        refused = [{"code": answer.code, "detail": answer.detail}]
    elif isinstance(answer, ReviewRefused):
        refused = [{"code": each.code, "detail": each.detail} for each in answer.objections]
    else:
        tree = case_tree(answer.stands, at)
        came = f", by decision {tree['outcome_id']}" if tree["outcome_id"] else f", due {tree['due_at']}"
        known = "" if answer.new else " (as before)"
        return Report(tree, [f"{tree['case_id']}: {tree['state']} in {tree['queue']}{came}{known}"])
    for each in refused:
        typer.echo(f"refused: {each['code']}: {each['detail']}", err=True)
    return Report({"refused": refused}, [], exit_code=_EXIT_REFUSED)


def _whole(tree: Mapping[str, Any]) -> Iterator[str]:
    yield f"{tree['case_id']}: {tree['cause']}, {tree['state']} in {tree['queue']}, due {tree['due_at']}"
    yield f"  reviews {tree['decision_id']}: {tree['amount_minor']} {tree['currency']} minor of {tree['shopper_id']}"
    yield f"  because of {', '.join(tree['triggers'])}"
    for event in tree["events"]:
        yield f"  {event['number']:>3}  {event['at']}  {event['kind']:<20} {event['by']}: {event['reason']}"
    for each in tree["documents"]:
        yield f"  {each['kind']} {each['sha256'][:12]} {each['note']}"
    for each in tree["reasons"]:
        answers = f" answers {', '.join(each['answers'])};" if each["answers"] else ""
        yield f"  {each['verdict']:<9} {each['code']:<24}{answers} {each['text']}"


def _minor(name: str, text: str | None, currency: Any) -> int | None:
    """An amount in the smallest unit of the case's currency."""
    from lending.acts.arguments import read_money

    if text is None:
        return None
    money = read_money(text, name)
    if money.currency != currency:
        raise typer.BadParameter(f"{text!r} is not in {currency}, which the case is in")
    return money.minor
