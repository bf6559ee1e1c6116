"""A back-test as one page of HTML that loads nothing."""

from collections.abc import Iterable, Sequence
from html import escape

from ledger.money import Money
from serving.policy.backtest import Backtest
from serving.policy.backtest_report import LIMITS, SETS, approval, changed_tree, span

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #1d232b; background: #fff }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d5d9de }
.n { text-align: right; font-variant-numeric: tabular-nums }
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #e4e7eb }
  th, td { border-color: #353c45 }
}
"""
_SETS_HEAD = ("set", "orders", "lent then", "lent under it", "lost so far", "expected", "least", "most")
_CHANGED_HEAD = (
    "decision", "requested", "then", "under it", "lent then", "lent under it", "reasons then", "reasons under it",
    "in default",
)  # fmt: skip


def backtest_page(found: Backtest) -> str:
    """The page: swap sets, outcomes, and each order that is decided otherwise with its reasons."""
    policy = found.policy
    title = f"{policy.policy_id} {policy.version} against the decisions {span(found)}"
    then, now = approval(found.approved_before, found), approval(found.approved_after, found)
    sets = [
        (SETS[each.name], each.orders, each.lent_before, each.lent_after,
         each.loss.realised, each.loss.expected, each.loss.least, each.loss.most)
        for each in found.sets
    ]  # fmt: skip
    matrix = [(before, after, orders) for (before, after), orders in sorted(found.matrix.items())]
    body = "".join(
        [
            _paragraph(f"{found.decisions} orders were decided again; {found.skipped} of another scope were not."),
            _paragraph(f"Approved then: {then}; under this policy: {now}."),
            _table("Swap sets", _SETS_HEAD, sets),
            _table("Outcomes", ("then", "under it", "orders"), matrix),
            _table(
                "Who is decided otherwise, and why",
                _CHANGED_HEAD,
                [tuple(changed_tree(each).values()) for each in found.changed],
            ),
            *map(_paragraph, LIMITS),
            _paragraph(f"Policy digest {policy.digest}."),
        ]
    )
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>"
    )
    page = f'<html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>'
    return f"<!doctype html>{page}\n"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    body = "".join(f"<tr>{''.join(_cell(each) for each in row)}</tr>" for row in rows)
    top = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    kind = ' class="n"' if isinstance(value, int | Money) else ""
    return f"<td{kind}>{escape('' if value is None else str(value))}</td>"
