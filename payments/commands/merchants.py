"""Command line: pay merchants, and take the reports of what they shipped."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from payments.commands.arguments import Outbox, UsageFault, check_key, day_of_text, money_text, outbox_of
from payments.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting


@reporting()
def pay_merchants(
    on: Annotated[str, typer.Option(help="The day of the payout.")],
    *,
    outbox: Outbox = None,
) -> Report:
    """Send every merchant what is owed to it and write the bank's file."""
    from payments.merchants.pay_merchants import pay_merchants as act
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        report = act(
            day_of_text(on),
            payouts=ports.payouts,
            ledger=ports.ledger,
            expectations=ports.reconciliation,
            merchants=ports.merchants,
            batches=ports.batches,
            breaks=ports.reconciliation,
            profile=ports.profile,
            transaction=ports.transaction,
            outbox=outbox_of(outbox, settings),
            at=now(),
        )

    def shown() -> Iterator[str]:
        paid = ", ".join(money_text(minor, currency) for currency, minor in report.paid_minor.items()) or "nothing"
        files = ", ".join(report.files) or "none"
        yield f"{report.on}: {report.payouts:,} payouts, {report.new:,} of them new, {paid}; files: {files}"
        if report.failed:
            yield f"  {report.failed:,} merchants could not be settled and wait; `tranche payments breaks` lists why"

    return Report(report, shown(), exit_code=1 if report.failed else 0)


@reporting()
def ship(
    plan_id: Annotated[str, typer.Argument(help="The plan's id.")],
    *,
    amount: Annotated[str, typer.Option(help='The part of the order that was shipped, such as "50.00 GBP".')],
    key: Annotated[str, typer.Option(help="The merchant's own id of the shipment; it is captured once.")],
) -> Report:
    """Capture a further part of an order that its merchant has shipped. Exit code 1 when nothing is captured."""
    from ledger.books.store import Conflict
    from ledger.identity.authority import authority_file
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import identify
    from lending.acts.arguments import read_money
    from payments.merchants.ship import AskedShipment, ShipmentRefused, ShipmentTaken
    from payments.merchants.ship import ship as act
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import adapters_over

    check_key(key)
    settings, at, money = Settings.from_environment(), now(), read_money(amount, "amount")
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        by = identify(settings.key, principals=PostgresPrincipals(connection), at=at)
        try:
            answer = act(
                AskedShipment(plan_id, key, money, by),
                authority=authority_file(),
                plans=ports.plans,
                ledger=ports.ledger,
                terms=ports.terms,
                transaction=ports.transaction,
                at=at,
            )
        except Conflict as conflict:
            raise UsageFault(f"key: {key} was used with another {conflict.field}") from conflict
    match answer:
        case ShipmentTaken(shipment, taken, unshipped, new):
            again = "" if new else " before; nothing changed"
            line = f"{plan_id}: shipment {shipment} of {taken} captured{again}; {unshipped} is still to be shipped"
            return Report(asdict(answer), [line])
        case ShipmentRefused(reasons):
            return Report(asdict(answer), [f"refused: {'; '.join(each.detail for each in reasons)}"], exit_code=1)
        case refused:
            return Report(asdict(refused), [f"{refused.code}: {refused.detail}"], exit_code=1)
