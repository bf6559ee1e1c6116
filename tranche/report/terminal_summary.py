"""Print the run's figures on the terminal, in the order in which money moves."""

from rich.console import Console
from rich.table import Table

from tranche.report.details import Details
from tranche.report.page import funnel_steps
from tranche.report.retail_summary import Retail, bridge_rows
from tranche.report.summary import Summary, event_rows
from tranche.report.wording import count, duration, exact_money, money

WIDEST_BAR = 22


def print_summary(console: Console, summary: Summary, details: Details) -> None:
    """Print the funnel, the model, decisions, cash, breaks and the books; then whether the promises were kept."""
    console.rule(f"[bold]{details.title}")
    console.print(_funnel(summary, details))
    console.print(_figures(summary, details))
    if details.breaks:
        console.print(_breaks(details))
    if summary.retail:
        console.print(_bridge(summary.retail, details.currency))
    if summary.planted:
        console.print(_planted(summary))
    if summary.plan_events:
        console.print(_plan_events(summary))
    console.print(_books(summary, details))
    for note in details.notes:
        console.print(f"[dim]note: {note}[/]", highlight=False)
    for line in details.open_breaks():
        console.print(f"[yellow]• {line}[/]", highlight=False)
    broken = summary.broken_promises()
    for line in broken:
        console.print(f"[bold red]✗ {line}[/]", highlight=False)
    if not broken:
        for currency, total in sorted(summary.ledger.totals.items()) if summary.ledger else ():
            console.print(
                f"[bold green]✓ debits {money(total.debits_minor, currency)} = "
                f"credits {money(total.credits_minor, currency)}[/]",
                highlight=False,
            )
    console.print(f"[dim]{duration(sum(summary.seconds.values()))} in all[/]", highlight=False)


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right", header_style="dim", no_wrap=place > 0)
    return table


def _funnel(summary: Summary, details: Details) -> Table:
    table = Table(title="From events to cash", title_justify="left", title_style="bold", box=None, show_header=False)
    steps = funnel_steps(summary, details)
    longest = max((len(str(size)) for _, size, _ in steps), default=1)
    for name, size, beside in steps:
        bar = "█" * max(1, round(WIDEST_BAR * len(str(size)) / longest)) if size else ""
        table.add_row(name, f"[bold]{size:>{longest + 2},}[/]", f"[cyan]{bar}[/]", f"[dim]{beside}[/]")
    return table


def _figures(summary: Summary, details: Details) -> Table:
    table = _table("Figures", "", "", "")
    if model := summary.model:
        table.add_row("AUC out of time", f"{model.auc:.3f}", f"95 % {model.auc_low:.3f} to {model.auc_high:.3f}")
        table.add_row("  scorecard", f"{model.scorecard_auc:.3f}", f"KS {model.ks:.3f}, Brier {model.brier:.4f}")
        table.add_row(
            "  calibration slope", f"{model.calibration_slope:.2f}", f"on {count(model.test_rows)} later loans"
        )
    if asked := summary.decisions:
        table.add_row("decision over HTTP", f"{asked.p50_ms:.1f} ms", f"99 % within {asked.p99_ms:.1f} ms")
        same = f"{count(asked.replayed_identical)} of {count(asked.replayed)}"
        table.add_row("replayed the same", same, "byte for byte")
    if plans := summary.plans:
        due = sum(month.planned_minor for month in details.cash)
        came = sum(month.received_minor for month in details.cash)
        table.add_row("instalments", count(plans.instalments), f"of {count(plans.opened)} plans")
        table.add_row("due", money(due, details.currency), f"received {money(came, details.currency)}")
    if seen := summary.reconciliation:
        how = f"{count(seen.matched_by_id)} by id, {count(seen.matched_by_rule)} by rule, {count(seen.unmatched)} not"
        table.add_row("lines reconciled", count(seen.lines), how)
        table.add_row("dues without a line", count(seen.open_expectations), "")
    if summary.ledger and (left := summary.ledger.open):
        table.add_row("open clearing groups", count(left.groups), f"{count(left.explained)} are known to be open")
    return table


def _breaks(details: Details) -> Table:
    table = _table("Breaks", "class", "found", "amount", "open", "open amount", "oldest open")
    for line in details.breaks:
        oldest = f"{count(line.oldest_days)} days" if line.still_open else ""
        amount = money(line.amount_minor, line.currency)
        still_open = money(line.open_minor, line.currency) if line.still_open else ""
        table.add_row(line.words, count(line.count), amount, count(line.still_open), still_open, oldest)
    return table


def _bridge(retail: Retail, currency: str) -> Table:
    table = _table("From the books to the retailer's turnover", "class", "lines", "amount")
    for name, lines, minor in bridge_rows(retail):
        table.add_row(name, count(lines), money(minor, currency))
    table.add_row("rounding undone", "", exact_money(-retail.rounding_minor, currency))
    table.add_row("[bold]turnover of the files[/]", "", f"[bold]{exact_money(retail.files_minor, currency)}[/]")
    return table


def _planted(summary: Summary) -> Table:
    table = _table("Planted faults", "fault", "planted", "found")
    for fault, seen in sorted(summary.planted.items()):
        table.add_row(fault, count(seen.planted), count(seen.found))
    return table


def _plan_events(summary: Summary) -> Table:
    table = _table("What happened to plans", "kind", "times", "first plan", "by")
    for kind, number, doors, plan in event_rows(summary.plan_events):
        table.add_row(kind, count(number), plan, doors)
    return table


def _books(summary: Summary, details: Details) -> Table:
    table = _table("Trial balance", "account", "debits", "credits", "balance")
    for line in sorted(details.balances, key=lambda line: (line.kind, line.account)):
        side = "Dr" if line.net_minor > 0 else "Cr" if line.net_minor < 0 else "  "
        table.add_row(
            line.account,
            money(line.debits_minor, line.currency),
            money(line.credits_minor, line.currency),
            f"{money(abs(line.net_minor), line.currency)} {side}",
        )
    for currency, total in sorted(summary.ledger.totals.items()) if summary.ledger else ():
        table.add_row(
            f"[bold]total {currency}[/]",
            f"[bold]{money(total.debits_minor, currency)}[/]",
            f"[bold]{money(total.credits_minor, currency)}[/]",
            "verified" if summary.ledger and summary.ledger.verified else "[red]not verified[/]",
        )
    return table
