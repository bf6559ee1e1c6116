"""`make bench`: the speed budgets of every part of the platform, or of the ones named; a module alone by its name.

`python -m benchmarks ledger singles` runs one part of a benchmark that has parts.
"""

import importlib
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

PARTS = ("decision_latency", "lake", "ledger")


def main(words: list[str]) -> int:
    """Run the benchmarks named, or those of every part; words after one can name parts that it has itself."""
    known = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    known.remove("__main__")
    wanted: list[tuple[ModuleType, list[str]]] = []
    for word in words or PARTS:
        parts = getattr(wanted[-1][0], "PARTS", ()) if wanted else ()
        if word in parts:
            wanted[-1][1].append(word)
        elif word in known:
            wanted.append((importlib.import_module(f"benchmarks.{word}"), []))
        else:
            print(f"error: no benchmark {word}; there are {', '.join([*known, *parts])}", file=sys.stderr)
            return 2
    for module, parts in wanted:
        print(" ".join([module.__name__.removeprefix("benchmarks."), *parts]), flush=True)
        module.main(*([parts] if parts else []))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
