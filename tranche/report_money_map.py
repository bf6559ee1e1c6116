"""The money map as a picture: accounts are boxes with their balance, flows are arrows with what went along them."""

from collections.abc import Sequence
from html import escape

from tranche.details import Balance, Flow
from tranche.report_charts import figure, text
from tranche.wording import money, short_money

BOX_WIDTH, BOX_HEIGHT, GAP = 190, 54, 30
COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("who funds it", ("equity", "liability")),
    ("what we hold", ("asset",)),
    ("what it earned and cost", ("income", "expense")),
)
LEFT = (20, 405, 790)
TOP = 44
TIP = (
    '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
    '<path d="M0 0L10 5L0 10z" fill="var(--two)"/></marker></defs>'
)


def money_map(balances: Sequence[Balance], flows: Sequence[Flow], currency: str) -> str:
    """Draw the accounts of one currency that were ever used, and what went between them."""
    used = [balance for balance in balances if balance.currency == currency and balance.kind != "memo"]
    places = _places(used)
    if not places:
        return ""
    inner = [flow for flow in flows if flow.currency == currency and flow.debit in places and flow.credit in places]
    most = max((flow.amount_minor for flow in inner), default=1)
    body = [TIP]
    body += [
        text(x + BOX_WIDTH / 2, 22, name, anchor="middle", css="axis")
        for x, (name, _) in zip(LEFT, COLUMNS, strict=True)
    ]
    labels: list[str] = []
    for flow in sorted(inner, key=lambda flow: flow.amount_minor):
        body.append(_arrow(flow, places, most, currency, labels))
    body += [_box(balance, *places[balance.account], currency) for balance in used if balance.account in places]
    height = max(y for _, y in places.values()) + BOX_HEIGHT + 20
    return figure(
        "Money map with balances",
        1000,
        round(height),
        "".join([*body, *labels]),
        "Boxes are accounts of the chart with their closing balance (Dr debit, Cr credit), sub-accounts added up. "
        "An arrow leads from the account credited to the account debited; its width and label are the sum posted.",
    )


def _places(used: Sequence[Balance]) -> dict[str, tuple[float, float]]:
    """Where each account's box stands: one column for each kind of account, the columns centred on each other."""
    columns = [
        sorted((b for b in used if b.kind in kinds), key=lambda b: (kinds.index(b.kind), b.account))
        for _, kinds in COLUMNS
    ]
    tallest = max((len(column) for column in columns), default=0) * (BOX_HEIGHT + GAP)
    places: dict[str, tuple[float, float]] = {}
    for x, column in zip(LEFT, columns, strict=True):
        spare = tallest - len(column) * (BOX_HEIGHT + GAP)
        for row, balance in enumerate(column):
            step = spare / (len(column) + 1) if column else 0
            places[balance.account] = (float(x), TOP + step * (row + 1) + row * (BOX_HEIGHT + GAP))
    return places


def _box(balance: Balance, x: float, y: float, currency: str) -> str:
    net = balance.net_minor
    side = "Dr" if net > 0 else "Cr" if net < 0 else ""
    owed, owing = money(balance.debits_minor, currency), money(balance.credits_minor, currency)
    said = f"{balance.account}: debits {owed}, credits {owing}"
    return (
        f'<g><title>{escape(said)}</title><rect x="{x}" y="{y:.1f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" '
        f'class="account {balance.kind}"/>'
        + text(x + 10, y + 21, balance.account, css="label")
        + text(x + 10, y + 42, f"{money(abs(net), currency)} {side}".strip(), css="figure")
        + "</g>"
    )


Spot = tuple[float, float]


def _arrow(flow: Flow, places: dict[str, Spot], most: int, currency: str, labels: list[str]) -> str:
    """A curve between two boxes; its label goes to `labels`, which are drawn last so that no line crosses them."""
    path, middle = _route(places[flow.credit], places[flow.debit], len(labels))
    names = "/".join(flow.flows)
    words = f"{names} {short_money(flow.amount_minor, currency)}"
    half = 3.3 * len(words) + 4
    labels.append(
        f'<rect x="{middle[0] - half:.1f}" y="{middle[1] - 9:.1f}" width="{2 * half:.1f}" height="17" rx="4" '
        'class="tag"/>' + text(middle[0], middle[1] + 4, words, anchor="middle", css="tick")
    )
    width = 1.2 + 6 * (flow.amount_minor / most) ** 0.5
    said = (
        f"{names}: {money(flow.amount_minor, currency)} in {flow.transfers:,} transfers, "
        f"from {flow.credit} to {flow.debit}"
    )
    return (
        f'<path d="{path}" class="flow" stroke-width="{width:.1f}" marker-end="url(#tip)">'
        f"<title>{escape(said)}</title></path>"
    )


def _route(origin: Spot, target: Spot, number: int) -> tuple[str, Spot]:
    """The curve from one box to another, and where its label stands; `number` spreads curves that run side by side."""
    (x1, y1), (x2, y2) = origin, target
    if x1 == x2:
        side = BOX_WIDTH if x1 < LEFT[-1] else 0
        bow = (70 + 16 * (number % 4)) * (1 if side else -1)
        start, end = (x1 + side, y1 + BOX_HEIGHT * 0.62), (x2 + side, y2 + BOX_HEIGHT * 0.38)
        bends = (start[0] + bow, end[0] + bow)
        middle = (start[0] + bow * 0.75, (start[1] + end[1]) / 2)
    else:
        right = x1 < x2
        height = BOX_HEIGHT * (0.35 if right else 0.7)
        start = (x1 + (BOX_WIDTH if right else 0), y1 + height)
        end = (x2 + (0 if right else BOX_WIDTH), y2 + height)
        run = end[0] - start[0]
        bends = (start[0] + run * 0.45, end[0] - run * 0.45)
        along = 0.34 + 0.16 * (number % 3)
        middle = (start[0] + run * along, start[1] + (end[1] - start[1]) * (3 * along**2 - 2 * along**3))
    path = f"M{start[0]} {start[1]:.1f}C{bends[0]:.1f} {start[1]:.1f} {bends[1]:.1f} {end[1]:.1f} {end[0]} {end[1]:.1f}"
    return path, middle
