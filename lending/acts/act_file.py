"""Act: the same act on many plans from a CSV file. Each row is its own database transaction and has its own answer.

Columns are `plan_id`, the act's arguments as on the command line (several dues in one cell, with semicolons between),
and, if wanted, `reason`, `value_date` and `key`. A file taken twice does nothing twice: a row's key is made of the
file's key and of what the row says.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.books.store import Conflict
from lending.acts.act import ACTS
from lending.acts.answers import answer_tree
from lending.acts.arguments import read_day, read_words, tree_of_arguments
from lending.acts.log import AskedAct
from lending.acts.perform import ActDone, ActProposed, ActRefused, NotAllowed, UnknownAct
from lending.acts.preview import ActPreview
from lending.canonical import canonical
from lending.servicing.record_events import UnknownPlan
from terminal.fault import Fault

MOST_ROWS = 100_000

_OWN = ("plan_id", "reason", "value_date", "key")


class ActFileFault(Fault):
    """Raised for a file whose columns do not fit the act, or that is too long; nothing is done then."""


@dataclass(frozen=True, slots=True)
class ActRow:
    """One row's answer. `status` is done, again, proposed, refused, not_allowed or wrong.

    In a preview it is would_do or would_propose instead of done or proposed.
    """

    line: int
    plan_id: str
    status: str
    act_id: str
    detail: str


Do = Callable[[AskedAct], ActDone | ActProposed | ActRefused | NotAllowed | ActPreview]
"""Does one act in a database transaction of its own, or shows what it would do."""


def act_on_file(act: str, file: Path, do: Do, *, key: str, reason: str) -> tuple[ActRow, ...]:
    """Do the act for every row, in order. A wrong row costs that row."""
    return act_on_rows(act, _rows(act, file), do, key=key, reason=reason)


def act_on_rows(
    act: str, rows: Iterable[tuple[int, Mapping[Any, Any]]], do: Do, *, key: str, reason: str
) -> tuple[ActRow, ...]:
    """Like `act_on_file`, with rows that are numbered already; the same row under the same key is the same act."""
    return tuple(_answered(line, row, act, do, key=key, reason=reason) for line, row in rows)


def columns_of(act: str) -> frozenset[str]:
    """What a row may say: its plan, the act's arguments, and a reason, day and key of its own."""
    return frozenset({*_OWN, *(each.name for each in ACTS[act].arguments)})


def statuses(rows: tuple[ActRow, ...]) -> Mapping[str, int]:
    """How many rows had each answer."""
    return Counter(row.status for row in rows)


def write_act_rows(out: Path, rows: tuple[ActRow, ...]) -> None:
    """Write the answers as CSV, one line for each row of the file."""
    with out.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(["line", "plan_id", "status", "act_id", "detail"])
        writer.writerows([each.line, each.plan_id, each.status, each.act_id, each.detail] for each in rows)


def _rows(act: str, file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    if act not in ACTS:
        raise UnknownAct(act)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened, strict=True)
        columns = list(reader.fieldnames or ())
        known = columns_of(act)
        unknown = sorted({*columns} - known)
        if unknown or "plan_id" not in columns or len(set(columns)) < len(columns):
            wrong = f"column {unknown[0]} is unknown" if unknown else "plan_id is missing or a column occurs twice"
            raise ActFileFault(f"{file}: {wrong}; {act} takes {', '.join(sorted(known))}")
        rows = [(reader.line_num, row) for row in reader]
    if len(rows) > MOST_ROWS:
        raise ActFileFault(f"{file}: {len(rows):,} rows; a file has at most {MOST_ROWS:,}")
    yield from rows


def _answered(line: int, row: Mapping[Any, Any], act: str, do: Do, *, key: str, reason: str) -> ActRow:
    plan_id = str(row.get("plan_id") or "")
    try:
        asked = _asked(row, act, key=key, reason=reason)
        answer = do(asked)
    except (Conflict, UnknownPlan, ActFileFault) as fault:
        return ActRow(line, plan_id, "wrong", "", fault.user_message)
    except ValueError as fault:  # an argument that cannot be read
        return ActRow(line, plan_id, "wrong", "", str(fault))
    if isinstance(answer, ActPreview):
        return ActRow(line, plan_id, *_previewed(answer))
    tree = answer_tree(answer)
    status = "again" if tree.get("new") is False else tree["status"]
    reasons = [f"{each['code']}: {each['detail']}" for each in tree.get("reasons", ())] or list(tree.get("because", ()))
    return ActRow(line, plan_id, status, tree.get("act_id") or tree.get("proposal_id") or "", "; ".join(reasons))


def _previewed(preview: ActPreview) -> tuple[str, str, str]:
    """The status of a row in a preview, no id, and the reasons."""
    if preview.known:
        return "again", "", ""
    if not preview.in_role:
        return "not_allowed", "", "your role may not do this"
    if preview.refused:
        return "refused", "", "; ".join(map(str, preview.refused))
    if preview.second_person:
        return "would_propose", "", "; ".join(preview.second_person)
    return "would_do", "", ""


def _asked(row: Mapping[Any, Any], act: str, *, key: str, reason: str) -> AskedAct:
    if None in row or None in row.values():
        raise ActFileFault("the row has more or fewer cells than the header")
    words = {name: word.strip() for name, word in row.items() if name not in _OWN}
    tree = tree_of_arguments(ACTS[act], read_words(ACTS[act], words))
    day = read_day(row["value_date"], "value_date") if row.get("value_date") else None
    plan_id = row["plan_id"].strip()
    content = canonical({"plan_id": plan_id, "act": act, "tree": tree, "day": None if day is None else str(day)})
    own = row.get("key") or hashlib.sha256(content.encode()).hexdigest()[:16]
    return AskedAct(plan_id, act, tree, row.get("reason") or reason, f"{key}.{own}", day)
