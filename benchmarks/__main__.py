"""`make bench`: the speed budgets of every part of the platform, or of the ones named; a module alone by its name."""

import importlib
import pkgutil
import sys
from pathlib import Path

PARTS = ("decision_latency", "lake", "ledger")


def main(wanted: list[str]) -> int:
    """Run the benchmarks named, or those of every part."""
    known = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    known.remove("__main__")
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        print(f"error: no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in wanted or PARTS:
        print(name, flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
