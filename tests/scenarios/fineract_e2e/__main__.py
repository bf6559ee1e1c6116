"""Replay a folder of a peer's scenarios through the plan engine.

Run: `python -m tests.scenarios.fineract_e2e DIR --json OUT`.

Prints, for each kind, how many scenarios there are, are out of scope, can be expressed, and end equal or different.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.scenarios.fineract_e2e.reader import UnreadableScenario, read_scenarios
from tests.scenarios.fineract_e2e.replay import replay
from tests.scenarios.fineract_e2e.report import lines_of, tree_of


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios.fineract_e2e", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of .jsonl or .jsonl.gz files")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the counts and every difference here")
    told = parser.parse_args(arguments)
    try:
        scenarios = read_scenarios(told.folder)
    except (OSError, UnreadableScenario) as error:
        print(f"the scenarios cannot be read: {error}", file=sys.stderr)
        return 2
    outcomes = [replay(scenario) for scenario in scenarios]
    print("\n".join(lines_of(outcomes)))
    if told.json is not None:
        told.json.write_text(json.dumps(tree_of(outcomes), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
