"""The line of a place in a policy file, so that a fault can be gone to."""

import re

_TABLE = re.compile(r"^\s*\[{1,2}([^\[\]]+)\]{1,2}")


def line_of_place(text: str, place: str) -> int:
    r"""The number of the line of a setting such as `terms.offer_valid_hours`, or of a rule such as `rule tenure`.

    A rule is found by the line of its id. The first line stands for what cannot be found, such as a missing setting.

    >>> line_of_place('version = "1"\n[terms]\nrate = 5\n[[rules]]\nid = "tenure"', "terms.rate")
    3
    """
    if place.startswith("rule "):
        name = place.removeprefix("rule ").partition(",")[0]
        return _rule_line(text, name)
    table, _, setting = place.rpartition(".")
    inside, nearest = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        opened = _TABLE.match(line)
        if opened:
            inside = opened.group(1).strip()
            nearest = number if inside == (table or place) else nearest
        elif inside == table and re.match(rf'\s*"?{re.escape(setting)}"?\s*=', line):
            return number
    return nearest


def _rule_line(text: str, name: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf'\s*id\s*=\s*["\']{re.escape(name)}["\']', line):
            return number
    tables = [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == "[[rules]]"]
    return tables[int(name) - 1] if name.isdigit() and int(name) <= len(tables) else 1
