"""Acts of one stage, run in the process of a test."""

from collections.abc import Callable, Sequence

from tranche.__main__ import invoke


def acts_of(stage: str) -> Callable[[Sequence[str]], int]:
    """Runs one act of the stage; its exit code. Faults are raised, and the local runtime is not joined."""

    def main(arguments: Sequence[str]) -> int:
        return invoke([stage, *arguments])

    return main
