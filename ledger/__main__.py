"""Command line of the books."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.commands import accept, credit_limit, free_form, keys, principal, proof
from ledger.settings import Settings
from terminal.clock import must_have_begun, now, today
from terminal.command_line import run, stage
from terminal.database import DatabaseProcess
from terminal.fault import Fault
from terminal.report import Report, reporting

app = stage("The books.")
app.command("seal")(proof.seal)
app.command("verify")(proof.verify)
app.command("rebuild")(proof.rebuild)
app.command("accepted-differences")(accept.accepted_differences)
app.command("export")(proof.export)
app.command("propose")(free_form.propose)
app.command("approve")(free_form.approve)
app.command("proposals")(free_form.proposals)
app.command("set-credit-limit")(credit_limit.set_credit_limit)
app.command("add-principal")(principal.add_principal)
app.command("principals")(principal.principals)
app.command("revoke-principal")(principal.revoke_principal)
app.add_typer(keys.app, name="keys")

AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Count what is valued up to this day.")]


class CorrelationFault(Fault):
    """Raised when `--correlation` is not written key=value."""

    @property
    def user_message(self) -> str:
        return f"--correlation {self.args[0]!r}: write key=value, for example plan_id=berka-5314"


@app.command("migrate")
@reporting()
def migrate() -> Report:
    """Bring the database's schemas up to date. Idempotent; concurrent runs wait for each other."""
    from ledger import migrate as act
    from ledger.books.postgres import connect

    with connect(_url(None)) as connection:
        report = act.migrate(connection)

    def shown() -> Iterator[str]:
        for file in report.applied:
            yield f"applied {file}"
        for file in report.removed:
            yield f"dropped what {file} defined"
        yield f"{len(report.applied)} applied, {report.already_applied} there before"

    return Report(report, shown())


@app.command("map")
@reporting()
def draw_map(
    *,
    out: Annotated[Path, typer.Option(help="The folder of money-map.md and money-map.svg.", file_okay=False)],
    flows: Annotated[Path | None, typer.Option(help="The module of the flows' names, ledger/map/flow.py.")] = None,
) -> Report:
    """Write the money map as a page and a picture, from the same data that restricts every posting."""
    from ledger.map.flow_names import flow_module
    from ledger.map.map_file import money_map
    from ledger.map.map_page import money_map_page
    from ledger.map.map_picture import picture

    out.mkdir(parents=True, exist_ok=True)
    texts = {out / "money-map.md": money_map_page(money_map()), out / "money-map.svg": picture(money_map())}
    if flows is not None:
        texts[flows] = flow_module(money_map())
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    return Report({"written": list(texts)}, [f"wrote {file}" for file in texts])


@app.command("trial-balance")
@reporting("account", "side", "currency", "minor")
def trial_balance(*, as_of: AsOf = None) -> Report:
    """Print every account's posted balance; total debits equal total credits in each currency."""
    from ledger.account import Side
    from ledger.books.postgres import PostgresLedger, connect

    with connect(_url()) as connection:
        report = PostgresLedger(connection).trial_balance(_day(as_of))
    lines = [
        {"account": line.account, "side": line.side, "currency": line.amount.currency, "minor": line.amount.minor}
        for line in report.lines
    ]
    totals = {
        currency: {"debits_minor": debits.minor, "credits_minor": credits_.minor}
        for currency, (debits, credits_) in report.totals().items()
    }
    tree = {"balanced": report.balanced, "totals": totals, "lines": lines}

    def shown() -> Iterator[str]:
        yield f"{'account':<44}{'debit':>22}{'credit':>22}"
        for line in report.lines:
            column = 22 if line.side is Side.DEBIT else 44
            yield f"{line.account:<44}{line.amount!s:>{column}}"
        for debits, credits_ in report.totals().values():
            yield f"{'total':<44}{debits!s:>22}{credits_!s:>22}  {'equal' if debits == credits_ else 'NOT EQUAL'}"

    return Report(tree, shown(), lines)


@app.command("general-ledger")
@reporting()
def general_ledger(
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")],
    out: Annotated[Path, typer.Option(help="Where the CSV file goes.")],
) -> Report:
    """Write each month's opening, debits, credits and closing of every line of the chart, by account code."""
    from ledger.books.postgres import connect
    from ledger.reports import general_ledger as act
    from ledger.reports.postgres_general_ledger import PostgresMovements

    periods = act.months(first.date(), last.date())
    with connect(_url()) as connection:
        report = act.general_ledger(PostgresMovements(connection), periods)
    act.write_general_ledger(out, report)
    totals = report.totals()
    tree = {
        "out": out,
        "lines": len(report.lines),
        "balanced": report.balanced,
        "totals": [
            {
                "to": day,
                "currency": currency,
                "debits_minor": debits.minor,
                "credits_minor": credits_.minor,
                "closing_minor": closing.minor,
            }
            for (day, currency), (debits, credits_, closing) in totals.items()
        ],
    }

    def shown() -> Iterator[str]:
        for (day, _), (debits, credits_, closing) in totals.items():
            yield f"to {day}: debits {debits}, credits {credits_}, closing balances together {closing}"
        yield f"{out}: {len(report.lines):,} lines, {'balanced' if report.balanced else 'NOT BALANCED'}"

    return Report(tree, shown(), exit_code=0 if report.balanced else 1)


@app.command("remittance")
@reporting()
def remittance(
    *,
    merchant: Annotated[str, typer.Option(help="The merchant's id.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")],
    out: Annotated[Path, typer.Option(help="Where the CSV file goes.")],
) -> Report:
    """Write a merchant's remittance advice: sold, discounted, taxed, refunded, kept back, paid, and what is left."""
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.reports import remittance as act

    with connect(_url()) as connection:
        advices = act.remittances(PostgresLedger(connection), merchant, first.date(), last.date())
    act.write_remittances(out, advices)
    totals = [
        {
            "sold": advice.total("goods", act.RemittanceKind.SALE),
            "refunded": advice.total("goods", act.RemittanceKind.REFUND),
            "discount": -advice.total("discount"),
            "VAT": -advice.total("tax"),
            "kept back": -advice.total("kept_back"),
            "paid": -advice.total("paid"),
            "we owe now": advice.closing,
        }
        for advice in advices
    ]
    tree = {
        "merchant": merchant,
        "out": out,
        "advices": [
            {
                "first": advice.first,
                "last": advice.last,
                "currency": advice.opening.currency,
                "opening_minor": advice.opening.minor,
                **{f"{name.replace(' ', '_').lower()}_minor": amount.minor for name, amount in of.items()},
            }
            for advice, of in zip(advices, totals, strict=True)
        ],
    }

    def shown() -> Iterator[str]:
        for advice, of in zip(advices, totals, strict=True):
            yield f"{merchant}, {advice.first} to {advice.last}: we owed {advice.opening}"
            yield from (f"  {name:<11}{amount!s:>20}" for name, amount in of.items())
        yield f"{out}: {sum(len(advice.lines) for advice in advices):,} lines"

    return Report(tree, shown())


@app.command("statement")
@reporting("currency", "value_date", "entry_id", "other", "side", "minor", "balance_minor")
def statement(
    account: Annotated[str, typer.Argument(help="An account's full name, such as plan:berka-5314:principal.")],
    *,
    as_of: AsOf = None,
) -> Report:
    """Print an account's transfers in the order of value date, with the balance after each; one list per currency."""
    from ledger.books.postgres import PostgresLedger, connect

    day = _day(as_of)
    with connect(_url()) as connection:
        books = PostgresLedger(connection)
        found = {currency: books.statement(account, currency, as_of=day) for currency in books.currencies(account)}
    by_currency = {
        currency: [
            {
                "value_date": line.value_date,
                "entry_id": line.entry_id,
                "other": line.other,
                "side": line.side,
                "minor": line.amount.minor,
                "balance_minor": line.balance.minor,
            }
            for line in lines
        ]
        for currency, lines in found.items()
        if lines
    }
    rows = ({"currency": currency, **line} for currency, lines in by_currency.items() for line in lines)

    def shown() -> Iterator[str]:
        for lines in found.values():
            for line in lines:
                moved = f"{line.side:<7}{line.amount!s:>20}{line.balance!s:>20}"
                yield f"{line.value_date}  {moved}  {line.entry_id}  {line.other}"
        if not any(found.values()):
            yield f"{account} has no transfers"

    return Report({"account": account, "lines": by_currency}, shown(), rows)


@app.command("open-groups")
@reporting(
    "account", "key", "value", "currency", "posted_minor", "pending_minor", "since", "age_days", "owner", "overdue"
)
def open_groups(*, as_of: AsOf = None) -> Report:
    """List groups of clearing accounts that have not returned to zero, the oldest first."""
    from ledger.books.postgres import PostgresLedger, connect

    day = _day(as_of) or today()
    with connect(_url()) as connection:
        groups = PostgresLedger(connection).open_groups(day)
    rows = [
        {
            "account": group.account,
            "key": group.key,
            "value": group.value,
            "currency": group.posted.currency,
            "posted_minor": group.posted.minor,
            "pending_minor": group.pending.minor,
            "since": group.since,
            "age_days": group.age_days(day),
            "owner": group.owner,
            "overdue": group.overdue(day),
        }
        for group in groups
    ]

    def shown() -> Iterator[str]:
        for group in groups:
            amounts = f"{group.posted!s:>20}{f'{group.pending} held' if group.pending.minor else '':>26}"
            late = "overdue" if group.overdue(day) else ""
            about = f"{group.account}  {group.key}={group.value or '(none)'}"
            yield f"{group.age_days(day):>5} days {late:<8}{amounts}  {group.owner:<11} {about}"
        overdue = sum(group.overdue(day) for group in groups)
        yield f"{len(groups):,} groups open on {day}, {overdue:,} of them overdue"

    return Report({"as_of": day, "groups": rows}, shown(), rows)


@app.command("entries")
@reporting("value_date", "act", "entry_id", "flow", "debit", "credit", "currency", "minor")
def entries(
    *,
    correlation: Annotated[list[str], typer.Option(help="key=value; an entry must carry all that are given.")],
) -> Report:
    """Print every journal, posted or held, that carries these correlation ids."""
    from ledger.books.postgres import PostgresLedger, connect

    wanted = dict(_pair(each) for each in correlation)
    with connect(_url()) as connection:
        found = PostgresLedger(connection).entries(correlation=wanted)
    listed: list[dict[str, Any]] = [
        {
            "entry_id": entry.journal.entry_id,
            "act": entry.act,
            "flow": entry.journal.flow,
            "value_date": entry.journal.value_date,
            "correlation": dict(entry.journal.correlation),
            "transfers": [
                {
                    "debit": transfer.debit,
                    "credit": transfer.credit,
                    "currency": transfer.amount.currency,
                    "minor": transfer.amount.minor,
                }
                for transfer in entry.journal.transfers
            ],
        }
        for entry in found
    ]
    rows = ({**entry, **transfer} for entry in listed for transfer in entry["transfers"])

    def shown() -> Iterator[str]:
        for entry in found:
            yield f"{entry.journal.value_date}  {entry.act:<9}  {entry.journal.entry_id}"
            for transfer in entry.journal.transfers:
                yield f"            {transfer.amount!s:>18}  debit {transfer.debit}  credit {transfer.credit}"
        yield f"{len(found):,} entries"

    return Report({"entries": listed}, shown(), rows)


@app.command("expire-holds")
@reporting()
def expire_holds(
    *,
    at: Annotated[datetime | None, typer.Option(help="Void what expired by then (UTC); now by default.")] = None,
) -> Report:
    """Void the holds that have expired."""
    from ledger.books.expire import expire_holds as act
    from ledger.books.postgres import PostgresLedger, connect

    moment = now() if at is None else at.replace(tzinfo=at.tzinfo or UTC)
    must_have_begun(moment.astimezone(UTC).date(), now())
    with connect(_url(DatabaseProcess.BOOKS)) as connection:
        report = act(PostgresLedger(connection), at=moment)
    tree = {"voided": report.hold_ids}

    def shown() -> Iterator[str]:
        yield f"{len(report.hold_ids):,} holds voided that expired by {moment.isoformat()}"

    return Report(tree, shown())


@app.command("close-period")
@reporting()
def close_period(
    *,
    through: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day of the period.")],
) -> Report:
    """Close the books up to a day: later postings into it are refused; income and expense move to equity."""
    from ledger.books.close_period import close_period as act
    from ledger.books.postgres import connect
    from ledger.books.postgres_periods import PostgresPeriods

    with connect(_url(DatabaseProcess.BOOKS)) as connection:
        report = act(PostgresPeriods(connection), through.date(), at=now())
    tree = {"through": report.through.isoformat(), "entries": report.entry_ids}

    def shown() -> Iterator[str]:
        for entry_id in report.entry_ids:
            yield f"posted {entry_id}"
        yield f"closed through {report.through}; what comes late is posted in the open period with its original date"

    return Report(tree, shown())


def _url(process: DatabaseProcess | None = DatabaseProcess.READER) -> str:
    return Settings.from_environment(process=process).database_url


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise CorrelationFault(text)
    return key, value


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche ledger"))
