"""Write the demo's report: one self-contained HTML page, for readers from finance rather than engineering."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from tranche.report.charts import calibration, cash_by_month, funnel, roc_chart
from tranche.report.details import Details
from tranche.report.money_map import money_map_picture
from tranche.report.retail_summary import bridge_rows
from tranche.report.style import CSS
from tranche.report.summary import Summary, event_rows
from tranche.report.wording import count, duration, exact_money, money, share

FAULTS = {
    "duplicates": ("the same event sent twice", "ingest parks the second one"),
    "malformed": ("an event that breaks its contract", "ingest puts it in quarantine and names the column"),
    "late": ("an event told weeks after it happened", "no feature sees it before it was known"),
    "missing_line": ("a charge that the provider's file leaves out", "reconcile reports it as a break"),
    "returned": ("a payment taken back after it settled", "reconcile puts the debt back on the plan"),
    "parked": ("a payout credited on a bank account that is not ours", "reconcile posts nothing and keeps it open"),
}


def write_report(path: Path, summary: Summary, details: Details) -> None:
    """Write the page atomically."""
    scratch = path.with_suffix(".part")
    scratch.write_text(render(summary, details), encoding="utf-8")
    scratch.replace(path)


def render(summary: Summary, details: Details) -> str:
    """The page as text."""
    sections = [
        ("funnel", "From events to cash", funnel(funnel_steps(summary, details))),
        ("model", "The model, out of time", _model(summary, details)),
        ("decisions", "Decisions", _decisions(summary, details)),
        ("cash", "Cash against plan", _cash(details)),
        ("breaks", "Reconciliation and breaks", _breaks(summary, details)),
        ("map", "Where the money is", money_map_picture(details.balances, details.flows, details.currency)),
        ("books", "Trial balance", _trial_balance(summary, details)),
        ("bridge", "From the books to the retailer's turnover", _bridge(summary, details)),
        ("planted", "Planted faults", _planted(summary)),
        ("events", "What happened to plans", _plan_events(summary)),
        ("run", "How long it took", _run(summary)),
        ("notes", "What to know when reading this", _list(details.notes)),
    ]
    shown = [(anchor, title, body) for anchor, title, body in sections if body]
    links = "".join(f'<a href="#{anchor}">{escape(title)}</a>' for anchor, title, _ in shown)
    body = "".join(
        f'<section id="{anchor}"><h2>{escape(title)}</h2>{inner}</section>' for anchor, title, inner in shown
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(details.title)}</title><style>{CSS}</style></head><body><main>"
        f"<header><h1>{escape(details.title)}</h1>{_lead(summary, details)}<nav>{links}</nav></header>"
        f"{_verdict(summary, details)}{_cards(summary, details)}{body}</main></body></html>"
    )


def funnel_steps(summary: Summary, details: Details) -> list[tuple[str, int, str]]:
    """The steps of the funnel as counts: events, decisions, plans opened, and matches with cash."""
    steps: list[tuple[str, int, str]] = []
    if events := summary.events:
        steps.append(("events published", events.published, f"{count(events.refused_at_source)} refused at the source"))
        beside = f"{count(events.quarantined)} in quarantine, {count(events.duplicates)} duplicates parked"
        steps.append(("accepted in the lake", events.accepted, beside))
    if features := summary.features:
        steps.append(("feature vectors served", features.vectors, f"{features.count} lake features each"))
    if decisions := summary.decisions:
        approved = decisions.approved + decisions.approved_reduced
        beside = f"{count(decisions.referred)} referred, {count(decisions.declined)} declined"
        steps.append(("decisions", decisions.requested, f"{share(approved, decisions.requested)} approved"))
        steps.append(("approved", approved, beside))
    if plans := summary.plans:
        financed = details.financed_minor
        beside = f"{money(financed, details.currency)} financed" if financed is not None else ""
        steps.append(("plans opened", plans.opened, beside))
        steps.append(("instalments", plans.instalments, ""))
    if matched := summary.reconciliation:
        collected = details.collected_minor
        beside = f"{money(collected, details.currency)} received" if collected is not None else ""
        steps.append(("matched with cash", matched.matched_by_id + matched.matched_by_rule, beside))
    return steps


def _lead(summary: Summary, details: Details) -> str:
    world = {
        "seeded": "the seeded world: invented shoppers, real software",
        "berka": "real transactions and loans of a Czech bank, 1993 to 1996",
        "online_retail": "real invoices of a British wholesaler of gifts, 2010 and 2011",
    }
    facts = "".join(f"<br>{escape(name)}: {escape(value)}" for name, value in details.facts)
    total = sum(summary.seconds.values())
    over = escape(world.get(summary.source, summary.source))
    return f'<p class="quiet">One run over {over}, in {duration(total)}.{facts}</p>'


def _verdict(summary: Summary, details: Details) -> str:
    broken = summary.broken_promises()
    if broken:
        return (
            f'<div class="verdict broken" role="alert"><b class="no">This run broke a promise.</b>{_list(broken)}</div>'
        )
    kept = []
    if summary.ledger is not None:
        for currency, total in sorted(summary.ledger.totals.items()):
            kept.append(
                f"Debits {money(total.debits_minor, currency)} = credits {money(total.credits_minor, currency)}, "
                f"over {count(summary.ledger.transfers)} transfers in {count(summary.ledger.entries)} entries, "
                "and the checker found nothing."
            )
    if events := summary.events:
        kept.append(
            f"Rows read {count(events.read)} = accepted {count(events.accepted)} + quarantined "
            f"{count(events.quarantined)} + duplicates {count(events.duplicates)}; a second run added nothing."
        )
    if decisions := summary.decisions:
        kept.append(
            f"{count(decisions.replayed_identical)} of {count(decisions.replayed)} decisions came out the same, "
            "byte for byte, when computed again from what was stored."
        )
    left = details.open_breaks()
    if (matched := summary.reconciliation) and matched.open_expectations:
        left = (*left, f"{count(matched.open_expectations)} expected lines have not come.")
    if left:
        lead = '<b class="ok">Every promise was kept.</b> <b>Not everything agrees yet.</b>'
        return f'<div class="verdict">{lead}{_list(left)}{_list(kept)}</div>'
    return f'<div class="verdict"><b class="ok">Everything agrees.</b>{_list(kept)}</div>'


def _cards(summary: Summary, details: Details) -> str:
    cards: list[tuple[str, str]] = []
    if summary.events:
        what = "bank transactions" if summary.retail is None else "order lines"
        cards.append((count(summary.events.accepted), f"{what} accepted"))
    if summary.model:
        low, high = summary.model.auc_low, summary.model.auc_high
        cards.append((f"{summary.model.auc:.3f}", f"AUC out of time, 95 % interval {low:.3f} to {high:.3f}"))
    if summary.decisions:
        asked = summary.decisions
        cards.append((f"{asked.p50_ms:.1f} ms", f"median decision over HTTP; 99 % within {asked.p99_ms:.1f} ms"))
    if summary.plans:
        cards.append((count(summary.plans.opened), f"plans with {count(summary.plans.instalments)} instalments"))
    if details.collected_minor is not None:
        cards.append((money(details.collected_minor, details.currency), "cash received and applied"))
    if summary.reconciliation:
        cards.append((count(sum(summary.reconciliation.breaks.values())), "breaks listed, each with class and age"))
    inner = "".join(f"<li><b>{escape(figure)}</b><span>{escape(what)}</span></li>" for figure, what in cards)
    return f'<ul class="cards">{inner}</ul>'


def _model(summary: Summary, details: Details) -> str:
    if summary.model is None:
        return ""
    beside = {line.name: f"AUC {line.auc:.3f}" for line in details.models}
    pictures = ""
    if details.roc:
        pictures = f'<div class="pair">{roc_chart(details.roc, beside)}{calibration(details.calibration)}</div>'
    rows = [
        [
            line.name,
            f"{line.auc:.4f}",
            f"{line.auc_low:.4f} to {line.auc_high:.4f}"
            if line.auc_low is not None and line.auc_high is not None
            else "",
            *("" if value is None else f"{value:.4f}" for value in (line.ks, line.brier, line.calibration_slope)),
        ]
        for line in details.models
    ]
    heads = ("model", "AUC", "95 % interval", "KS", "Brier", "calibration slope")
    caption = (
        f"Trained on {count(summary.model.train_rows)} loans, tested on {count(summary.model.test_rows)} later ones. "
        "KS and AUC: higher is better. Brier: lower is better. Slope: 1 means that odds are meant as said."
    )
    return pictures + html_table(caption, heads, rows, numbers_from=1)


def _decisions(summary: Summary, details: Details) -> str:
    if summary.decisions is None:
        return ""
    asked = summary.decisions
    outcomes = [
        ("approved", asked.approved),
        ("approved for less than asked", asked.approved_reduced),
        ("referred to a person", asked.referred),
        ("declined", asked.declined),
    ]
    rows = [[name, count(number), share(number, asked.requested)] for name, number in outcomes]
    first = html_table("Answers of the decision API.", ("outcome", "decisions", "share"), rows, numbers_from=1)
    if not details.reasons:
        return first
    reasons = [[reason.words, count(reason.count)] for reason in details.reasons]
    caption = "Reasons given; a decision carries all of its reasons."
    second = html_table(caption, ("reason", "times"), reasons, numbers_from=1)
    return f'<div class="pair">{first}{second}</div>'


def _cash(details: Details) -> str:
    return cash_by_month(details.cash, details.currency, details.cash_note) if details.cash else ""


def _breaks(summary: Summary, details: Details) -> str:
    if summary.reconciliation is None:
        return ""
    seen = summary.reconciliation
    lead = (
        f"<p>{count(seen.lines)} lines of the outside world: {count(seen.matched_by_id)} matched by id, "
        f"{count(seen.matched_by_rule)} by rule, {count(seen.unmatched)} not matched. "
        f"{count(seen.open_expectations)} expectations are still open.</p>"
    )
    rows = [
        [
            line.words,
            count(line.count),
            money(line.amount_minor, line.currency) if line.amount_minor else "",
            count(line.still_open),
            money(line.open_minor, line.currency) if line.open_minor else "",
            f"{count(line.oldest_days)} days" if line.still_open else "",
            "; ".join(line.examples),
        ]
        for line in details.breaks
    ]
    heads = ("class", "found", "amount", "open", "open amount", "oldest open", "example")
    still_open = [line for line in details.breaks if line.still_open]
    foot = []
    if len({line.currency for line in details.breaks}) == 1:
        foot = [
            "All",
            count(sum(line.count for line in details.breaks)),
            money(sum(line.amount_minor for line in details.breaks), details.breaks[0].currency),
            count(sum(line.still_open for line in still_open)),
            money(sum(line.open_minor for line in still_open), details.breaks[0].currency),
            f"{count(max(line.oldest_days for line in still_open))} days" if still_open else "",
            "",
        ]
    return lead + (
        html_table(
            "Every difference has a class, an owner and an age; a cured one stays on record.",
            heads,
            rows,
            numbers_from=1,
            numbers_to=6,
            foot=foot,
        )
        if rows
        else ""
    )


def _trial_balance(summary: Summary, details: Details) -> str:
    if summary.ledger is None:
        return ""
    parts = []
    for currency, total in sorted(summary.ledger.totals.items()):
        lines = [balance for balance in details.balances if balance.currency == currency]
        rows = [
            [
                line.account,
                line.kind,
                money(line.debits_minor, currency),
                money(line.credits_minor, currency),
                money(line.net_minor, currency) if line.net_minor > 0 else "",
                money(-line.net_minor, currency) if line.net_minor < 0 else "",
            ]
            for line in sorted(lines, key=lambda line: (line.kind, line.account))
        ]
        net_debit = sum(max(0, line.net_minor) for line in lines)
        net_credit = sum(max(0, -line.net_minor) for line in lines)
        foot = [
            "Total",
            "",
            money(total.debits_minor, currency),
            money(total.credits_minor, currency),
            money(net_debit, currency),
            money(net_credit, currency),
        ]
        heads = ("account", "kind", "debits", "credits", "debit balance", "credit balance")
        parts.append(html_table(f"All posted transfers in {currency}.", heads, rows, numbers_from=2, foot=foot))
        same = total.debits_minor == total.credits_minor
        sign, css = ("=", "ok") if same else ("≠", "no")
        parts.append(
            f'<p class="{css}">Debits {money(total.debits_minor, currency)} {sign} '
            f"credits {money(total.credits_minor, currency)}; difference "
            f"{money(total.debits_minor - total.credits_minor, currency)}.</p>"
        )
    return "".join(parts)


def _planted(summary: Summary) -> str:
    rows = []
    for fault, seen in sorted(summary.planted.items()):
        what, who = FAULTS.get(fault, ("", ""))
        rows.append([fault, what, who, count(seen.planted), count(seen.found)])
    heads = ("fault", "what was planted", "what must happen", "planted", "found")
    return html_table("The generator's labels are the oracle.", heads, rows, numbers_from=3) if rows else ""


def _plan_events(summary: Summary) -> str:
    rows = [[kind, doors, count(number), plan] for kind, number, doors, plan in event_rows(summary.plan_events)]
    caption = "Every kind of plan event and the doors it came by. tranche lending plan show PLAN shows a plan."
    heads = ("kind", "by", "times", "first plan")
    return html_table(caption, heads, rows, numbers_from=2, numbers_to=3) if rows else ""


def _bridge(summary: Summary, details: Details) -> str:
    if summary.retail is None:
        return ""
    retail, currency = summary.retail, details.currency
    rows = [[name, count(lines), money(minor, currency)] for name, lines, minor in bridge_rows(retail)]
    caption = (
        f"{count(retail.invoices)} sales invoices, {count(retail.cancellations)} cancellations, "
        f"{count(retail.bad_debt)} lines of bad debt. Less {exact_money(retail.rounding_minor, currency)} of rounding, "
        f"the net is the {exact_money(retail.files_minor, currency)} of the files."
    )
    return html_table(caption, ("class", "lines", "amount"), rows[:-1], numbers_from=1, foot=rows[-1])


def _run(summary: Summary) -> str:
    rows = [[stage, duration(seconds)] for stage, seconds in summary.seconds.items()]
    total = duration(sum(summary.seconds.values()))
    return html_table("Wall clock of each stage.", ("stage", "time"), rows, numbers_from=1, foot=["Total", total])


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def html_table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers_from: int,
    numbers_to: int | None = None,
    foot: Sequence[str] = (),
) -> str:
    """A table; the columns from `numbers_from` up to `numbers_to` (None: the last) are right-aligned figures."""
    last = len(heads) if numbers_to is None else numbers_to

    def css(place: int) -> str:
        return ' class="n"' if numbers_from <= place < last else ""

    def cells(values: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}{css(place)}>{escape(value)}</{tag}>" for place, value in enumerate(values))

    top = "".join(f'<th scope="col"{css(place)}>{escape(name)}</th>' for place, name in enumerate(heads))
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    bottom = f"<tfoot><tr>{cells(foot, 'td')}</tr></tfoot>" if foot else ""
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody>{bottom}</table></div>"
    )
