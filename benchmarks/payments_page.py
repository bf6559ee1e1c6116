# ruff: noqa: E501 - the lines of a Markdown page are longer than those of code
"""Writes the page of reconciliation's figures from what the last runs of the benchmark kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAGE = Path("docs/reference/reconciliation-figures.md")
MEANING = {
    "E1": "timing, ours first: awaited, in time",
    "E2": "timing, the bank first",
    "E3": "awaited, and never told",
    "E4": "unknown to us",
    "E5": "a row or a file again",
    "E6": "paid twice",
    "E7": "another amount",
    "E8": "another fee than agreed",
    "E9": "another rate than agreed",
    "E10": "another currency",
    "E11": "status conflict",
    "E12": "no outcome for too long",
    "E13": "a sum with a gap",
    "E14": "several candidates",
    "E15": "a damaged reference",
    "E16": "returned",
    "E17": "a part now, the rest later",
    "E18": "a reserve withheld",
    "E19": "an account that is not ours",
    "E20": "two business days",
    "E21": "open past its day",
    "E22": "a damaged file",
    "E23": "an unknown column or code",
    "E24": "the books contradict themselves",
    "E25": "an entry by hand, not approved",
    "E26": "a statement that does not add up",
}
_BREAKS = """# What reconciliation finds and what it costs

`make bench PART=payments` measures what this page shows and keeps it in `var/bench/payments.json`; `PART="payments breaks"`, `lines` or
`days` measures one part, and `PART="payments page"` writes this page from what was kept.

## Planted breaks

A day of a provider and a bank is generated: attempts with what is expected of them, a provider's settlement files, a camt.053 of the bank,
transfers of shoppers, and a share of 2 % of the lines with a planted break. Its files share no code with their readers
(`benchmarks/payments_world.py`, `payments_planted.py`). E12, E21 and E25 are found by moving the clock, E20 by a value date of the next
business day; of E22, E23 and E26 there are twenty files each; E24 is a copy of sound books with twenty balances changed behind the
database's back. Precision is the share of the breaks found of a class that were planted; recall is the share of the planted ones that were
found. A class that no rule finds yet is planted and counted like any other, and what is found in its place costs the other class its precision.
The goal is 0.999 and 0.99, and no false match.

| class | meaning | planted | found | precision | recall |
|---|---|---:|---:|---:|---:|
"""
_LINES = """
## Many lines

One provider's file and one statement of the bank, taken and reconciled by one process over a PostgreSQL on the same machine. Seconds of the
clock depend on who else uses its two cores, so those of the processor stand beside them: where the clock says much more than both, the
machine was busy with other work, which makes those of the processor larger too, since caches are shared. A loop of ten million additions in Python took
{additions} s of it. Matching is the rules alone. The goals on a quiet machine: 100,000 lines in 20 s; a million in 180 s, 40 s of it
matching, in 300 MiB.

| lines | seconds | of the processor: Python + database | matching, s | memory, MiB |
|---:|---:|---:|---:|---:|
"""
_DAYS = """
## Day four hundred

A day of a thousand lines after four hundred others took {ratio} times the processor time of one of the first (the goal is 1.2): a run costs
what is open, and not what ever came.
"""


def write_page(figures: Mapping[str, Any], page: Path = PAGE) -> None:
    """Write the page from figures of all parts; a part that was never measured is left out."""
    page.write_text("".join(_parts(figures)), encoding="utf-8")


def _parts(figures: Mapping[str, Any]) -> list[str]:
    parts = [_BREAKS]
    for name, each in figures.get("classes", {}).items():
        shares = f"{share_text(each['precision'])} | {share_text(each['recall'])}"
        parts.append(f"| {name} | {MEANING[name]} | {each['planted']:,} | {each['found']:,} | {shares} |\n")
    parts.append(f"\nFalse matches: {figures.get('false_matches', 'not measured')}.\n")
    if "lines" in figures:
        parts.append(_LINES.format(additions=figures["additions_seconds"]))
        parts += [_line(count, each) for count, each in sorted(figures["lines"].items(), key=lambda each: int(each[0]))]
    if "day_ratio" in figures:
        parts.append(_DAYS.format(ratio=figures["day_ratio"]))
    return parts


def _line(count: str, each: Mapping[str, float]) -> str:
    processor = f"{each['python_cpu_seconds']} + {each['database_cpu_seconds']}"
    return f"| {int(count):,} | {each['seconds']} | {processor} | {each['match_seconds']} | {each['memory_mib']} |\n"


def share_text(share: float) -> str:
    return f"{share:.4f}".rstrip("0").rstrip(".") if share else "0"
