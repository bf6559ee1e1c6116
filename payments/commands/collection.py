"""Command line: collect what is due, and take what a shopper pays now."""

from collections.abc import Iterator
from typing import Annotated

import typer

from payments.commands.adapters import provider_adapters
from payments.commands.arguments import UsageFault, check_key, day_of_text, money_text
from payments.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting


@reporting()
def collect(due: Annotated[str, typer.Option(help="Charge what is due up to this day.")]) -> Report:
    """Charge every instalment that is due; a second run, or one beside it, charges nothing twice."""
    from rich.console import Console
    from rich.progress import Progress

    from payments.collection.collect import collect as act

    settings = Settings.from_environment(needs_provider=True)
    with provider_adapters(settings) as ports, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("collecting", total=None)
        report = act(
            day_of_text(due),
            asking=ports.asking,
            plans=ports.plans,
            ledger=ports.ledger,
            terms=ports.terms,
            profile=ports.profile,
            breaks=ports.reconciliation,
            at=now(),
            tick=lambda count: progress.advance(task, count),
        )

    def shown() -> Iterator[str]:
        yield (
            f"due up to {report.due}: {report.instalments_due:,} instalments; {report.captured:,} captured, "
            f"{report.refused:,} refused, {report.unknown:,} unknown; {report.resolved:,} of earlier runs resolved, "
            f"{report.waiting:,} waiting, {report.elsewhere:,} at another collector, "
            f"{report.needs_person:,} for a person"
        )
        for currency, minor in report.captured_minor.items():
            yield f"  captured {money_text(minor, currency)}"
        if report.withdrawn:
            yield f"  {report.withdrawn:,} were withdrawn before they were sent, since their plans do not owe them now"
        if report.failed:
            yield f"  {report.failed:,} could not be booked and wait; `tranche payments breaks` lists why"

    return Report(report, shown(), exit_code=1 if report.failed else 0)


@reporting()
def pay(
    plan_id: Annotated[str, typer.Argument(help="The plan's id.")],
    *,
    amount: Annotated[str | None, typer.Option(help='What the shopper pays now, such as "50.00 GBP".')] = None,
    payoff: Annotated[bool, typer.Option("--payoff", help="Take what settles the plan today.")] = False,
    key: Annotated[
        str | None,
        typer.Option(help="Makes it safe to repeat; when left out, the same words on the same day are one payment."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what it would change and the journals, and charge nothing.")
    ] = False,
) -> Report:
    """Charge a shopper what they pay now: a part, or what settles the plan. Exit code 1 when nothing is captured."""
    from ledger.identity.authority import authority_file
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import identify
    from lending.acts.arguments import read_money
    from payments.collection.pay import AskedPayment, PaymentPreview, PaymentTaken
    from payments.collection.pay import pay as act
    from payments.collection.payment_answers import payment_said, payment_tree

    if (amount is None) == (not payoff):
        raise UsageFault('pay takes either --amount "50.00 GBP" or --payoff')
    money, at = None if amount is None else read_money(amount, "amount"), now()
    own = key or f"{at.date()}-{'payoff' if money is None else str(money).replace(' ', '-')}"
    check_key(own)
    settings = Settings.from_environment(needs_provider=True)
    with provider_adapters(settings) as ports:
        by = identify(settings.key, principals=PostgresPrincipals(ports.database), at=at)
        answer = act(
            AskedPayment(plan_id, own, money, by),
            authority=authority_file(),
            asking=ports.asking,
            plans=ports.plans,
            ledger=ports.ledger,
            terms=ports.terms,
            profile=ports.profile,
            at=at,
            preview=preview,
        )
    done = isinstance(answer, PaymentTaken | PaymentPreview)
    return Report(payment_tree(plan_id, answer), payment_said(plan_id, answer), exit_code=0 if done else 1)
