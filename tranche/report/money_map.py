"""The money map as a diagram: accounts are boxes with their balances, flows are arrows with the amounts moved."""

from collections.abc import Iterable, Sequence
from html import escape

from tranche.report.charts import figure, text
from tranche.report.details import AccountBalance, AccountFlow
from tranche.report.wording import money, short_money

Spot = tuple[float, float]
Curve = tuple[Spot, Spot, Spot, Spot]
Box = tuple[float, float, float, float]

WIDTH, BOX_WIDTH, BOX_HEIGHT, ROW = 1480, 206, 62, 108
COLUMNS = (10, 292, 574, 964, 1264)
"""The start of each column; the third and the fourth are further apart, because most flows run between them."""
TOP = 14
# Column and row of each account: money comes in on the left and is lent on the right; income and expense at the edge.
PLACES: dict[str, Spot] = {
    "equity:capital": (0, 0),
    "suspense:unapplied": (0, 1.5),
    "equity:opening": (0, 3),
    "bank": (1, 0.75),
    "merchant:in_transit": (1, 3),
    "provider:clearing": (2, 0),
    "rail:in_flight": (2, 1.25),
    "rail:returns": (2, 2.5),
    "merchant:payable": (2, 3.75),
    "shopper:credit_balance": (3, 0),
    "plan:principal": (3, 1.25),
    "plan:interest_rcv": (3, 2.5),
    "plan:deferred_discount": (3, 3.75),
    "pool:interest": (3, 5),
    "exp:provider_fee": (4, 0),
    "plan:fee_rcv": (4, 1),
    "inc:interest": (4, 2),
    "inc:discount": (4, 3.1),
}
TIP = (
    '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
    'markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
    '<path d="M0 0L10 5L0 10z" fill="var(--two)"/></marker></defs>'
)
ALONG = (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8)
"""The positions for a label along its curve, best first."""


def money_map_picture(balances: Sequence[AccountBalance], flows: Sequence[AccountFlow], currency: str) -> str:
    """Draw the accounts of one currency that were ever used, and the amounts moved between them."""
    used = [balance for balance in balances if balance.currency == currency and balance.kind != "memo"]
    if not used:
        return ""
    places = _places(balance.account for balance in used)
    inner = [flow for flow in flows if flow.currency == currency and flow.debit in places and flow.credit in places]
    most = max((flow.amount_minor for flow in inner), default=1)
    curves = {(flow.credit, flow.debit): _curve(flow, inner, places) for flow in inner}
    taken: list[Box] = [(x, y, BOX_WIDTH, BOX_HEIGHT) for x, y in places.values()]
    arrows = [_arrow(flow, curves[flow.credit, flow.debit], most, currency) for flow in inner]
    boxes = [_box(balance, *places[balance.account], currency) for balance in used]
    labels = [_label(flow, curves[flow.credit, flow.debit], taken, currency) for flow in inner]
    height = max(y for _, y in places.values()) + BOX_HEIGHT + 16
    return figure(
        "Money map with balances",
        WIDTH,
        round(height),
        "".join([TIP, *arrows, *boxes, *labels]),
        "Boxes are accounts of the chart with their closing balance (Dr debit, Cr credit), sub-accounts added up. "
        "An arrow leads from the account credited to the account debited; its width and label are the sum posted.",
    )


def _places(accounts: Iterable[str]) -> dict[str, Spot]:
    """The place of each box; accounts without a fixed place are in a row below."""
    known = sorted(set(accounts))
    below = [account for account in known if account not in PLACES]
    spots = {account: PLACES[account] for account in known if account in PLACES}
    spots |= {account: (float(number % 5), 5.0 + number // 5) for number, account in enumerate(below)}
    first = min(row for _, row in spots.values())
    return {account: (COLUMNS[int(column)], TOP + (row - first) * ROW) for account, (column, row) in spots.items()}


def _curve(flow: AccountFlow, flows: Sequence[AccountFlow], places: dict[str, Spot]) -> Curve:
    """The curve from the credited box to the debited one; two flows in opposite directions get separate curves."""
    (x1, y1), (x2, y2) = places[flow.credit], places[flow.debit]
    back = any((other.credit, other.debit) == (flow.debit, flow.credit) for other in flows)
    aside = (9.0 if (x1, y1) < (x2, y2) else -9.0) if back else 0.0
    if x1 == x2:
        down = y1 < y2
        middle = x1 + BOX_WIDTH / 2 + 2.5 * aside
        start, end = (middle, y1 + (BOX_HEIGHT if down else 0)), (middle, y2 + (0 if down else BOX_HEIGHT))
        far = abs(y2 - y1) > 1.6 * ROW
        bow = (BOX_WIDTH / 2 + 46) if far else 0.0  # bend around the box in between
        third = (end[1] - start[1]) / 3
        return start, (start[0] + bow, start[1] + third), (end[0] + bow, end[1] - third), end
    right = x1 < x2
    start = (x1 + (BOX_WIDTH if right else 0), y1 + BOX_HEIGHT / 2 + aside)
    end = (x2 + (0 if right else BOX_WIDTH), y2 + BOX_HEIGHT / 2 + aside)
    bend = (end[0] - start[0]) * 0.45
    return start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), end


def _at(curve: Curve, along: float) -> Spot:
    """The point of a cubic curve."""
    a, b, c, d = ((1 - along) ** 3, 3 * along * (1 - along) ** 2, 3 * along**2 * (1 - along), along**3)
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = curve
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def _arrow(flow: AccountFlow, curve: Curve, most: int, currency: str) -> str:
    start, one, two, end = (f"{x:.1f} {y:.1f}" for x, y in curve)
    width = 1.5 + 7 * (flow.amount_minor / most) ** 0.5
    said = (
        f"{'/'.join(flow.flows)}: {money(flow.amount_minor, currency)} in {flow.transfers:,} transfers, "
        f"from {flow.credit} to {flow.debit}"
    )
    return (
        f'<path d="M{start}C{one} {two} {end}" class="flow" stroke-width="{width:.1f}" marker-end="url(#tip)">'
        f"<title>{escape(said)}</title></path>"
    )


def _label(flow: AccountFlow, curve: Curve, taken: list[Box], currency: str) -> str:
    """The flow's name and amount, at the first free position along its curve."""
    words = f"{'/'.join(flow.flows)} {short_money(flow.amount_minor, currency)}"
    width, height = 7.2 * len(words) + 8, 21.0
    spots = [_at(curve, along) for along in ALONG]
    boxes = [(x - width / 2, y - height / 2, width, height) for x, y in spots]
    free = [place for place, box in enumerate(boxes) if not any(_overlap(box, other) for other in taken)]
    chosen = free[0] if free else 0
    taken.append(boxes[chosen])
    x, y = spots[chosen]
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height}" rx="4" '
        'class="tag"/>' + text(x, y + 4.5, words, anchor="middle", css="tick")
    )


def _overlap(one: Box, other: Box) -> bool:
    across = one[0] < other[0] + other[2] and other[0] < one[0] + one[2]
    return across and one[1] < other[1] + other[3] and other[1] < one[1] + one[3]


def _box(balance: AccountBalance, x: float, y: float, currency: str) -> str:
    net = balance.net_minor
    side = "Dr" if net > 0 else "Cr" if net < 0 else ""
    owed, owing = money(balance.debits_minor, currency), money(balance.credits_minor, currency)
    said = f"{balance.account}: debits {owed}, credits {owing}"
    return (
        f'<g><title>{escape(said)}</title><rect x="{x:.1f}" y="{y:.1f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" '
        f'rx="7" class="account {balance.kind}"/>'
        + text(x + 10, y + 24, balance.account, css="label wide")
        + text(x + 10, y + 47, f"{money(abs(net), currency)} {side}".strip(), css="figure wide")
        + "</g>"
    )
