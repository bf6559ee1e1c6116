"""Command line: set an account's credit limit."""

from typing import Annotated

import typer

from ledger.commands.principal import keeper_of_books
from ledger.money import Currency
from ledger.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting


@reporting()
def set_credit_limit(
    account: Annotated[str, typer.Argument(help="An account's full name, such as merchant:m-1:payable.")],
    *,
    currency: Annotated[Currency, typer.Option(metavar="CODE", help="The account's currency, by its ISO 4217 code.")],
    limit: Annotated[str, typer.Option(help="How far below zero it may fall, such as 250.00; 0 for not at all.")],
    reason: Annotated[str, typer.Option(help="Why the account gets this limit.")],
) -> Report:
    """Let an account with a floor fall below zero by up to this limit; exit code 1 when it is refused."""
    from ledger.books.credit_limit import LimitFault, LimitRefused, LimitSet
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.money import AmountFault, Money

    try:
        wanted = Money.parse(limit, currency)
    except AmountFault as fault:
        raise LimitFault(f"--limit {limit!r}: {fault}") from fault
    with connect(Settings.from_environment().database_url) as connection:
        by = keeper_of_books(connection)
        answer = PostgresLedger(connection).set_credit_limit(account, wanted, by=by, reason=reason, at=now())
    if isinstance(answer, LimitRefused):
        typer.echo(f"refused: {answer.code}: {account}: {answer.detail}", err=True)
        return Report({"account": account, "refused": answer.code, "detail": answer.detail}, [], exit_code=1)
    before = "" if isinstance(answer, LimitSet) else "; it was so before"
    tree = {
        "account": account,
        "currency": answer.limit.currency,
        "limit_minor": answer.limit.minor,
        "new": isinstance(answer, LimitSet),
    }
    return Report(tree, [f"the credit limit of {account} is {answer.limit}{before}"])
