"""Command line: take goods back, and send shoppers the refunds that are owed to them."""

from collections.abc import Iterator
from typing import Annotated

import typer

from payments.commands.adapters import provider_adapters
from payments.commands.arguments import Outbox, UsageFault, day_of_text, in_currency, money_text, outbox_of
from payments.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting


@reporting()
def pay_refunds(
    on: Annotated[str, typer.Option(help="The day of the payment.")],
    *,
    outbox: Outbox = None,
) -> Report:
    """Send shoppers the refunds that are owed to them, by the provider or by a file for the bank."""
    from payments.refunds.pay_refunds import pay_refunds as act

    settings = Settings.from_environment(needs_provider=True)
    with provider_adapters(settings) as ports:
        report = act(
            day_of_text(on),
            refunds=ports.refunds,
            plans=ports.plans,
            ledger=ports.ledger,
            expectations=ports.reconciliation,
            breaks=ports.reconciliation,
            provider=ports.provider,
            terms=ports.terms,
            batches=ports.batches,
            settle_down=ports.policy.settle_down,
            profile=ports.profile,
            transaction=ports.transaction,
            outbox=outbox_of(outbox, settings),
            at=now(),
        )

    def shown() -> Iterator[str]:
        paid = ", ".join(money_text(minor, currency) for currency, minor in report.paid_minor.items()) or "nothing"
        yield (
            f"{report.on}: {report.owed:,} refunds owed, {report.paid:,} paid ({paid}), {report.refused:,} refused, "
            f"{report.unknown:,} unknown, {report.by_bank:,} by bank; files: {', '.join(report.files) or '-'}"
        )
        if report.waiting:
            yield f"  {report.waiting:,} wait for a break or a case of their plan; `tranche payments breaks` lists them"
        if report.failed:
            yield f"  {report.failed:,} could not be paid and wait; `tranche payments breaks` lists why"

    return Report(report, shown(), exit_code=1 if report.failed else 0)


@reporting()
def refund(
    plan: Annotated[str, typer.Option(help="The plan's id.")],
    refund_id: Annotated[str, typer.Option(help="The refund's own id; the same id never refunds twice.")],
    amount: Annotated[str, typer.Option(help='What is refunded of the purchase, such as "50.00 GBP".')],
) -> Report:
    """Take back goods of an order: the plan falls, the merchant pays, the shopper gets back what was paid of them."""
    from lending.acts.arguments import read_money
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.refunds.refund import NoSuchPlan, RefundRefused
    from payments.refunds.refund import refund as act
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        known = ports.plans.get(plan)
        if known is None:
            raise UsageFault(f"there is no plan {plan}")
        answer = act(
            plan,
            refund_id,
            in_currency(read_money(amount, "amount"), known.currency),
            plans=ports.plans,
            ledger=ports.ledger,
            terms=ports.terms,
            settled=ports.payouts.settled,
            transaction=ports.transaction,
            at=now(),
        )
    match answer:
        case RefundRefused(_, reasons):
            raise UsageFault(f"refund {refund_id} was refused: {'; '.join(each.detail for each in reasons)}")
        case NoSuchPlan():
            raise UsageFault(f"there is no plan {plan}")
        case taken:
            again = "" if taken.new else " before"
            line = (
                f"{refund_id}: {amount} refunded{again}; {taken.to_shopper} goes to the shopper, "
                f"{taken.refundable_rest} of the purchase can still be refunded"
            )
            return Report(taken, [line])
