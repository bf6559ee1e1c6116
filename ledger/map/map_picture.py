"""The money map as an SVG picture: the clearing accounts above, a matrix of accounts and flows below."""

from collections.abc import Sequence
from html import escape

from ledger.account import AccountKind, AccountType
from ledger.map.map_page import short
from ledger.map.money_map import Clearing, FlowTemplate, MoneyMap

_INK, _MUTED, _LINE, _PAPER = "#1f2933", "#66727f", "#d5dbe1", "#ffffff"
_DEBIT, _CREDIT, _BOTH, _ZERO = "#1864ab", "#d9480f", "#5f3dc4", "#fff3bf"
_ZERO_EDGE, _ZERO_INK = "#e8a200", "#9c6f00"
_TINTS = {
    AccountKind.ASSET: "#e7f1fb",
    AccountKind.LIABILITY: "#fdeee6",
    AccountKind.INCOME: "#e8f5ec",
    AccountKind.EXPENSE: "#f8e9ee",
    AccountKind.EQUITY: "#efeaf8",
    AccountKind.MEMORANDUM: "#eef0f2",
}
_EDGES = {
    AccountKind.ASSET: "#74b0e4",
    AccountKind.LIABILITY: "#f2a47c",
    AccountKind.INCOME: "#7cc795",
    AccountKind.EXPENSE: "#e08aa5",
    AccountKind.EQUITY: "#a58bdc",
    AccountKind.MEMORANDUM: "#a9b3bd",
}
_CELL, _LEFT, _MARGIN = 18, 300, 24
_CHAIN, _BOX, _BOX_WIDTH = 62, 46, 280


def picture(money_map: MoneyMap) -> str:
    """The whole picture, as SVG."""
    flows = [flow for flow in money_map.flows.values() if flow.steps]
    width = _MARGIN * 2 + _LEFT + _CELL * (len(flows) + len(money_map.parts))
    chains, chains_end = _chains(money_map, width, _MARGIN)
    matrix, end = _matrix(money_map, flows, chains_end + 30)
    body = "".join([*chains, *matrix])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {end}" width="{width}" height="{end}" '
        'role="img" font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif">\n'
        "<title>The money map: accounts, flows, and what must return to zero</title>\n"
        f'<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L10 5L0 10z" fill="{_MUTED}"/></marker></defs>\n'
        f'<rect width="{width}" height="{end}" fill="{_PAPER}"/>\n{body}</svg>\n'
    )


def _chains(money_map: MoneyMap, width: int, top: int) -> tuple[list[str], int]:
    """Two columns of clearing accounts: the flows that open a group, the account, the flows that close it."""
    parts = [
        _text(_MARGIN, top + 18, "What must return to zero", size=20, weight=700),
        _text(
            _MARGIN,
            top + 40,
            "Flows on the left open a group on the account, flows on the right close it; what is left is work.",
            colour=_MUTED,
        ),
    ]
    first = top + 58
    clearing = list(money_map.clearing.values())
    half = (len(clearing) + 1) // 2
    column = (width - 2 * _MARGIN) // 2
    for number, each in enumerate(clearing):
        left, y = _MARGIN + column * (number // half), first + _CHAIN * (number % half)
        parts += _chain(money_map, each, left, y, column)
    return parts, first + _CHAIN * half


def _chain(money_map: MoneyMap, each: Clearing, left: int, top: int, width: int) -> list[str]:
    kind = next(kind for kind in money_map.chart if kind.pattern == each.form)
    room = (width - _BOX_WIDTH) // 2 - 24
    box, middle = left + room + 12, top + _BOX // 2
    end = box + _BOX_WIDTH
    parts = [
        _rect(box, top, (_BOX_WIDTH, _BOX), _TINTS[kind.kind], f' rx="7" stroke="{_ZERO_EDGE}" stroke-width="2"'),
        _text(box + _BOX_WIDTH // 2, top + 19, short(each.form), anchor="middle", weight=600),
        _text(
            box + _BOX_WIDTH // 2,
            top + 37,
            f"by {each.key} · {each.sla_days} d · {each.owner}",
            anchor="middle",
            colour=_MUTED,
            size=12,
        ),
        _arrow(left + room - 24, box - 3, middle),
        _arrow(end + 3, end + 36, middle),
    ]
    for x, names, anchor in ((left + room - 30, each.opened_by, "end"), (end + 42, each.closed_by, "start")):
        lines = _wrapped(_in_order(money_map, names), 27)
        for number, line in enumerate(lines):
            y = middle + 4 + 16 * number - 8 * (len(lines) - 1)
            parts.append(_text(x, y, line, anchor=anchor, size=13))
    return parts


def _matrix(money_map: MoneyMap, flows: Sequence[FlowTemplate], top: int) -> tuple[list[str], int]:
    """The matrix of accounts (rows) and flows (columns), each cell marked as debited, credited or both."""
    columns, heads = _columns(money_map, flows)
    parts = [
        _text(_MARGIN, top + 18, "Every account and every flow", size=20, weight=700),
        *_legend(top + 34),
    ]
    heads_at, first = top + 84, top + 132
    rows = [(kind, account) for kind in AccountKind for account in money_map.chart if account.kind is kind]
    edge = _MARGIN + _LEFT
    right, y = max(columns.values()) + _CELL, first
    places = {}
    previous: AccountKind | None = None
    for kind, account in rows:
        y += 8 if previous not in {kind, None} else 0
        previous = kind
        places[account.pattern] = y
        parts += _row(account, y, right)
        y += _CELL
    for title, start, end in heads:
        parts.append(_text(start, heads_at, title, size=13, weight=600))
        parts.append(f'<path d="M{start} {heads_at + 7}H{end}" stroke="{_INK}" stroke-width="1.5"/>\n')
    for number, flow in enumerate(flows):
        x = columns[flow.flow]
        if number % 2 == 0:
            parts.append(f'<path d="M{x + _CELL // 2} {first}V{y}" stroke="{_LINE}" stroke-width="1"/>\n')
        parts.append(
            f'<text transform="translate({x + _CELL // 2 + 4} {first - 6}) rotate(-90)" font-size="12" fill="{_INK}">'
            f"<title>{escape(flow.title)}</title>{flow.flow}</text>\n"
        )
        parts += [_cell(flow, account, x, places[account.pattern]) for _, account in rows]
    parts.append(f'<path d="M{edge} {first}V{y}" stroke="{_LINE}"/>\n')
    return parts, y + _MARGIN


def _columns(money_map: MoneyMap, flows: Sequence[FlowTemplate]) -> tuple[dict[str, int], list[tuple[str, int, int]]]:
    """Where each flow's column begins, and each part's title with the range of its columns."""
    columns, heads, x = {}, [], _MARGIN + _LEFT + 6
    for part, title in money_map.parts.items():
        start = x
        for flow in flows:
            if flow.part == part:
                columns[flow.flow] = x
                x += _CELL
        heads.append((title, start, x - 4))
        x += _CELL
    return columns, heads


def _row(account: AccountType, y: int, right: int) -> list[str]:
    tint, mark = (_TINTS[account.kind], "") if account.group is None else (_ZERO, "→ 0")
    said = f"{account.title}; {account.kind}, {account.code}"
    name = f"<title>{escape(said)}</title>{escape(short(account.pattern))}"
    return [
        _rect(_MARGIN, y, (right - _MARGIN, _CELL - 1), tint),
        _rect(_MARGIN, y, (5, _CELL - 1), _EDGES[account.kind]),
        f'<text x="{_MARGIN + 12}" y="{y + 13}" font-size="13" fill="{_INK}">{name}</text>\n',
        _text(_MARGIN + _LEFT - 8, y + 13, mark, anchor="end", size=12, colour=_ZERO_INK, weight=700),
    ]


def _cell(flow: FlowTemplate, account: AccountType, x: int, y: int) -> str:
    debited = any(leg.form == account.pattern for step in flow.steps for leg in step.debit)
    credited = any(leg.form == account.pattern for step in flow.steps for leg in step.credit)
    if not (debited or credited):
        return ""
    colour = _BOTH if debited and credited else _DEBIT if debited else _CREDIT
    side = "debit and credit" if debited and credited else "debit" if debited else "credit"
    said = f"{flow.flow} {flow.title}: {side} {short(account.pattern)}"
    held = f' fill="none" stroke="{colour}" stroke-width="2.5"' if flow.pending else f' fill="{colour}"'
    return f'<circle cx="{x + _CELL // 2}" cy="{y + _CELL // 2}" r="5"{held}><title>{escape(said)}</title></circle>\n'


def _legend(y: int) -> list[str]:
    parts, x = [], _MARGIN
    for colour, said in ((_DEBIT, "debited"), (_CREDIT, "credited"), (_BOTH, "either side")):
        parts.append(f'<circle cx="{x + 6}" cy="{y}" r="5" fill="{colour}"/>\n')
        parts.append(_text(x + 17, y + 4, said, size=13))
        x += 40 + 8 * len(said)
    parts.append(f'<circle cx="{x + 6}" cy="{y}" r="5" fill="none" stroke="{_DEBIT}" stroke-width="2.5"/>\n')
    parts.append(_text(x + 17, y + 4, "held, not posted", size=13))
    x += 150
    parts.append(_rect(x, y - 7, (26, 14), _ZERO))
    parts.append(_text(x + 34, y + 4, "returns to zero", size=13))
    x += 160
    for kind in AccountKind:
        parts.append(_rect(x, y - 7, (8, 14), _EDGES[kind]))
        parts.append(_text(x + 14, y + 4, kind, size=13))
        x += 40 + 8 * len(kind)
    return parts


def _arrow(start: int, end: int, y: int) -> str:
    return f'<path d="M{start} {y}H{end}" stroke="{_MUTED}" stroke-width="1.5" marker-end="url(#tip)"/>\n'


def _rect(x: int, y: int, size: tuple[int, int], fill: str, more: str = "") -> str:
    width, height = size
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"{more}/>\n'


def _in_order(money_map: MoneyMap, names: Sequence[str]) -> list[str]:
    return [flow for flow in money_map.flows if flow in set(names)]


def _wrapped(words: Sequence[str], most: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _text(
    x: int, y: int, words: str, *, anchor: str = "start", size: int = 14, colour: str = _INK, weight: int = 400
) -> str:
    if not words:
        return ""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(words)}</text>\n'
    )
