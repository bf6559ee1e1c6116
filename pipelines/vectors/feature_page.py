"""The page on feature coverage: one self-contained HTML file, with its charts as inline SVG."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from pipelines.vectors.feature_profile import FeatureProfile, ProfiledTable, Spread

_CSS = """
:root{--ink:#1b2430;--quiet:#5a6675;--paper:#fff;--faint:#eef1f5;--line:#d7dde5;
--one:#0b6e6e;--two:#b4540a;--tint:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--quiet:#a4b0bf;--paper:#12171e;--faint:#1f2731;--line:#36414e;
--one:#3fb6b0;--two:#e8924a;--tint:#181f28}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,Arial,
sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 24px 80px}
h1{font-size:28px;line-height:1.2;margin:0 0 6px}
h2{font-size:21px;margin:44px 0 4px;padding-top:12px;border-top:1px solid var(--line)}
h3{font-size:16px;margin:28px 0 6px;text-transform:capitalize}
p{max-width:80ch;margin:6px 0}.quiet{color:var(--quiet)}
nav{font-size:14px;margin:14px 0 0;display:flex;flex-wrap:wrap;gap:2px 16px}nav a{color:var(--one)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;min-width:1080px;table-layout:fixed;font-size:13.5px}
th,td{padding:6px 8px;border-bottom:1px solid var(--line);text-align:left;vertical-align:middle}
th{font-weight:600;font-size:12.5px;color:var(--quiet);vertical-align:bottom}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th.name{width:23%}th.picture{width:190px}
th.picture,td:nth-last-child(-n+2){padding-left:14px}td.name b{display:block;font-weight:600;overflow-wrap:anywhere}
td.name span{color:var(--quiet);font-size:12.5px;line-height:1.3;display:block}
svg{display:block}svg .bar{fill:var(--one)}svg .base{stroke:var(--line)}svg .part{fill:var(--faint)}
svg .gap{fill:var(--two)}
svg text{fill:var(--quiet);font:10.5px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
.key{font-size:13px;color:var(--quiet)}
@media print{main{max-width:none;padding:0}tr,h3{break-inside:avoid}nav{display:none}}
"""

_HEADINGS = (
    '<tr><th class="name">feature</th><th>unit</th><th class="n">known</th><th class="n">missing</th>'
    '<th class="n">zero</th><th class="n">least</th><th class="n">median</th><th class="n">95 %</th>'
    '<th class="n">greatest</th><th class="picture">distribution</th><th class="picture">known by month</th></tr>'
)


def profile_page(tables: Sequence[ProfiledTable]) -> str:
    """The whole page."""
    links = "".join(
        f'<a href="#{each.entity}-{group}">{escape(each.entity)}: {escape(group)}</a>'
        for each in tables
        for group, _ in groupby(each.features, key=lambda feature: feature.group)
    )
    body = "".join(_table(each) for each in tables)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Feature coverage</title><style>{_CSS}</style></head><body><main>"
        "<h1>Feature coverage</h1>"
        '<p class="quiet">What the vectors hold: how often each feature is known, where its values lie and how they '
        "are spread. Written by <code>tranche pipelines profile-features</code>.</p>"
        f"<nav>{links}</nav>{body}</main></body></html>\n"
    )


def _table(table: ProfiledTable) -> str:
    seen = ", ".join(f"{_percent(share)} with events of {escape(source)}" for source, share in table.seen.items())
    span = f"from {table.months[0]} to {table.months[-1]}" if table.months else "none"
    groups = "".join(_group(table, group, each) for group, each in groupby(table.features, key=lambda one: one.group))
    return (
        f"<h2>{escape(table.entity.capitalize())}</h2>"
        f"<p>{table.vectors:,} vectors of {table.entities:,} {escape(table.entity)}s, {span}; {seen}.</p>"
        f'<p class="key">{escape(table.table)}, snapshot {table.snapshot_id}, feature set {table.digest[:12]}. '
        "A picture runs from the left figure under it to the right one; values further out count in its last bars, "
        "which are then of the other colour. The strip has one bar for each month with vectors.</p>"
        f"{groups}"
    )


def _group(table: ProfiledTable, group: str, features: Iterable[FeatureProfile]) -> str:
    rows = "".join(_row(table, each) for each in features)
    return (
        f'<h3 id="{escape(table.entity)}-{escape(group)}">{escape(group)}</h3>'
        f'<div class="scroll"><table><thead>{_HEADINGS}</thead><tbody>{rows}</tbody></table></div>'
    )


def _row(table: ProfiledTable, feature: FeatureProfile) -> str:
    spread = feature.spread
    figures = ("",) * 4 if spread is None else (spread.least, spread.median, spread.p95, spread.greatest)
    numbers = "".join(f'<td class="n">{_figure(each, feature.unit)}</td>' for each in figures)
    return (
        f'<tr><td class="name"><b>{escape(feature.name)}</b><span>{escape(feature.meaning)}</span></td>'
        f"<td>{escape(_UNITS.get(feature.unit, feature.unit))}</td>"
        f'<td class="n">{_percent(feature.known)}</td><td class="n">{_percent(1 - feature.known)}</td>'
        f'<td class="n">{_percent(feature.zeros)}</td>{numbers}'
        f"<td>{'never known' if spread is None else _histogram(feature, spread)}</td>"
        f"<td>{_strip(table.months, feature.by_month)}</td></tr>"
    )


_UNITS = {"minor": "money"}


def _histogram(feature: FeatureProfile, spread: Spread) -> str:
    """Bars of equal width; a single one if all values are the same."""
    width, height = 168, 44
    most, step = max(spread.counts), width / len(spread.counts)
    bars = []
    for place, count in enumerate(spread.counts):
        if count == 0:
            continue
        tall = max(1.0, height * count / most)
        outside = (place == 0 and spread.least < spread.low) or (
            place == len(spread.counts) - 1 and spread.greatest > spread.high
        )
        bars.append(
            f'<rect x="{place * step:.1f}" y="{height - tall:.1f}" width="{max(step - 1, 1):.1f}" height="{tall:.1f}" '
            f'class="{"gap" if outside else "bar"}"/>'
        )
    ends = (
        f'<text x="0" y="{height + 13}">{_figure(spread.low, feature.unit)}</text>'
        f'<text x="{width}" y="{height + 13}" text-anchor="end">{_figure(spread.high, feature.unit)}</text>'
    )
    base = f'<line x1="0" x2="{width}" y1="{height}" y2="{height}" class="base"/>'
    return _svg(f"Distribution of {feature.name}", width, height + 16, "".join(bars) + base + ends)


def _strip(months: Sequence[str], shares: Sequence[float]) -> str:
    """A bar for the known share of each month; a full bar means 100 %."""
    width, height = 150, 26
    step = width / max(len(shares), 1)
    bars = [f'<rect x="0" y="0" width="{width}" height="{height}" class="part"/>']
    bars += [
        f'<rect x="{place * step:.1f}" y="{height * (1 - share):.1f}" width="{max(step - 0.6, 0.6):.1f}" '
        f'height="{height * share:.1f}" class="bar"><title>{month}: {_percent(share)}</title></rect>'
        for place, (month, share) in enumerate(zip(months, shares, strict=True))
        if share > 0
    ]
    return _svg("Share known by month", width, height, "".join(bars))


def _svg(title: str, width: int, height: int, body: str) -> str:
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">{body}</svg>'
    )


def _percent(share: float) -> str:
    """A share in per cent, rounded so that only zero is shown as 0 % and only one as 100 %.

    >>> _percent(0.0), _percent(0.0004), _percent(0.123), _percent(0.9996), _percent(1.0)
    ('0 %', '< 0.1 %', '12.3 %', '> 99.9 %', '100 %')
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if share < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if share > 0.999 else f"{share * 100:.1f} %"


def _figure(value: float | str, unit: str) -> str:
    """A value in its unit; money is stored in minor units and shown in whole ones.

    >>> _figure(1_234_567.0, "minor"), _figure(0.12345, "ratio"), _figure(0.000486, "ratio"), _figure(42.0, "count")
    ('12,346', '0.123', '0.0005', '42')
    """
    if isinstance(value, str):
        return value
    if unit == "minor":
        return f"{value / 100:,.0f}".replace("-0", "0") if abs(value) < 50 else f"{value / 100:,.0f}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    if abs(value) < 1000:
        return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1g}"  # more digits would not fit the column
    return f"{value:,.0f}"
