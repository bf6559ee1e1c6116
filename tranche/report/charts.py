"""The report's charts as inline SVG, without other files, scripts or external addresses."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

from tranche.report.details import CalibrationBin, CashMonth
from tranche.report.wording import count, money, share, short_money

SERIES = ("var(--one)", "var(--two)", "var(--three)")
Point = tuple[float, float]


def figure(title: str, width: int, height: int, body: str, caption: str) -> str:
    """One chart with a title for screen readers and a visible caption."""
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{body}</svg><figcaption>{caption}</figcaption></figure>"
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", css: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(words)}</text>'


def funnel(steps: Sequence[tuple[str, int, str]]) -> str:
    """Bars from events down to cash. Each step has its name, its count and a label.

    The steps differ by orders of magnitude, so the scale is logarithmic, and the caption says so.
    """
    row, left, full = 46, 190, 470
    top = log10(max([10, *(size for _, size, _ in steps)]))
    body = []
    for number, (name, size, beside) in enumerate(steps):
        width = max(4.0, full * log10(size) / top) if size > 1 else 4.0
        y = number * row + 6
        body.append(text(left - 12, y + 20, name, anchor="end", css="label"))
        body.append(f'<rect x="{left}" y="{y}" width="{full}" height="30" rx="4" fill="var(--faint)"/>')
        body.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="30" rx="4" fill="var(--one)"/>')
        inside = width > 120
        place = left + 10 if inside else left + width + 8
        body.append(text(place, y + 20, count(size), css="figure inside" if inside else "figure"))
        body.append(text(left + full + 14, y + 20, beside, css="note"))
    return figure(
        "Funnel from events to cash",
        1000,
        len(steps) * row + 8,
        "".join(body),
        "Counts; the bars are on a logarithmic scale.",
    )


def _axes(size: int, pad: int, across: str, up: str, top: float = 1.0) -> str:
    """A square with a light grid; both axes run from zero to the share `top`."""
    lines = []
    for step in range(6):
        at = step / 5
        x, y = pad + at * size, 12 + (1 - at) * size
        lines.append(f'<line x1="{pad}" x2="{pad + size}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        lines.append(text(pad - 8, y + 4, f"{at * top:.0%}", anchor="end", css="tick"))
        lines.append(text(x, size + 30, f"{at * top:.0%}", anchor="middle", css="tick"))
    lines.append(text(pad + size / 2, size + 50, across, anchor="middle", css="axis"))
    middle = 12 + size / 2
    lines.append(
        f'<text x="14" y="{middle}" text-anchor="middle" class="axis" transform="rotate(-90 14 {middle})">'
        f"{escape(up)}</text>"
    )
    return "".join(lines)


def roc_chart(curves: Mapping[str, Sequence[Point]], beside: Mapping[str, str]) -> str:
    """The ROC curve of each model: the share of defaulters refused by the share of good borrowers refused."""
    size, pad = 330, 56
    body = [_axes(size, pad, "good borrowers refused", "defaulters caught")]
    body.append(f'<line x1="{pad}" y1="{12 + size}" x2="{pad + size}" y2="12" class="chance"/>')
    for number, (name, points) in enumerate(curves.items()):
        path = " ".join(f"{pad + x * size:.1f},{12 + (1 - y) * size:.1f}" for x, y in points)
        colour = SERIES[number % len(SERIES)]
        dash = "" if number == 0 else ' stroke-dasharray="7 4"'
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dash}/>')
        y = 12 + size - 22 - 22 * (len(curves) - 1 - number)
        body.append(
            f'<line x1="{pad + size - 216}" x2="{pad + size - 192}" y1="{y}" y2="{y}" '
            f'stroke="{colour}" stroke-width="3"{dash}/>'
        )
        body.append(text(pad + size - 184, y + 4, f"{name} {beside.get(name, '')}".strip(), css="note"))
    return figure("ROC curves out of time", 400, 395, "".join(body), "ROC, out of time. The grey diagonal is chance.")


def calibration(bins: Sequence[CalibrationBin]) -> str:
    """The observed default rate by predicted risk; a dot's size is the number of loans."""
    size, pad = 330, 56
    top = max([0.1, *(value for entry in bins for value in (entry.predicted, entry.observed))])
    scale = min(1.0, -(-top * 10 // 1) / 10)
    body = [_axes(size, pad, "predicted default", "defaulted", scale)]
    body.append(f'<line x1="{pad}" y1="{12 + size}" x2="{pad + size}" y2="12" class="chance"/>')
    most = max((entry.rows for entry in bins), default=1)
    for entry in bins:
        x, y = pad + entry.predicted / scale * size, 12 + (1 - entry.observed / scale) * size
        radius = 4 + 7 * (entry.rows / most) ** 0.5
        said = f"{entry.rows} loans: predicted {entry.predicted:.1%}, defaulted {entry.observed:.1%}"
        body.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="var(--one)" fill-opacity="0.75">'
            f"<title>{said}</title></circle>"
        )
    return figure(
        "Calibration out of time",
        400,
        395,
        "".join(body),
        "Calibration, out of time: on the diagonal the model means what it says. Larger dots are more loans.",
    )


def cash_by_month(months: Sequence[CashMonth], currency: str, note: str = "") -> str:
    """The amounts due by plan and received, by month."""
    width, height, pad, bottom = 1000, 330, 78, 280
    highest = max([1, *(value for month in months for value in (month.planned_minor, month.received_minor))])
    top = round_above(highest)
    slot = (width - pad - 10) / max(1, len(months))
    bar = min(30.0, slot * 0.38)
    body = []
    for step in range(5):
        y = bottom - step / 4 * (bottom - 20)
        body.append(f'<line x1="{pad}" x2="{width - 10}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        body.append(text(pad - 8, y + 4, short_money(top * step // 4, currency), anchor="end", css="tick"))
    every = max(1, -(-len(months) // 14))
    for number, month in enumerate(months):
        middle = pad + slot * (number + 0.5)
        for side, (value, colour, what) in enumerate(
            ((month.planned_minor, "var(--soft)", "due"), (month.received_minor, "var(--one)", "received"))
        ):
            tall = value / top * (bottom - 20)
            x = middle - bar + side * bar
            body.append(
                f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" width="{bar * 0.94:.1f}" height="{max(0.0, tall):.1f}" '
                f'fill="{colour}"><title>{month.month}: {money(value, currency)} {what}</title></rect>'
            )
        if number % every == 0:
            body.append(text(middle, bottom + 18, month.month, anchor="middle", css="tick"))
    for number, (colour, what) in enumerate((("var(--soft)", "due by plan"), ("var(--one)", "received"))):
        x = pad + number * 130
        body.append(f'<rect x="{x}" y="{bottom + 32}" width="14" height="14" fill="{colour}"/>')
        body.append(text(x + 20, bottom + 44, what, css="note"))
    planned, received = sum(month.planned_minor for month in months), sum(month.received_minor for month in months)
    came = f"{money(received, currency)} received of {money(planned, currency)} due ({share(received, planned)})."
    return figure(
        "Cash by month against plan",
        width,
        height,
        "".join(body),
        f"{came} {escape(note)}".strip(),
    )


def round_above(value: int) -> int:
    """The next higher round figure for an axis of four steps.

    >>> round_above(1_000_000_00), round_above(101), round_above(3_999)
    (100000000, 120, 4000)
    """
    scale = int(10 ** (len(str(value)) - 1))
    return next(step * scale // 10 for step in (10, 12, 16, 20, 24, 32, 40, 60, 80, 100) if step * scale // 10 >= value)
