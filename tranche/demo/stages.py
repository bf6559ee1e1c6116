"""The stages of a long run: each is named, timed and reported, and a failure names its stage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from terminal.fault import Fault
from tranche.report.wording import duration


class StageFailed(Fault):
    """Raised when a stage could not finish; the results of earlier stages remain."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"stage {stage} failed: {reason}")
        self.stage = stage


class DemoStages:
    """Runs stages one after the other; `seconds` holds the time of each, in the order in which they ran."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, doing: str) -> Iterator[Callable[[str], None]]:
        """Run one stage. Call the function that it yields with a sentence on the result.

        Any exception ends the stage as `StageFailed` with the fault's message for the user. A stage may run in several
        parts under one name; their times are added up.
        """
        said: list[str] = []
        before = sum(self.seconds.values())
        began = time.perf_counter()
        self.console.print(f"[bold]{name:<17}[/] [dim]{doing} …[/]", soft_wrap=True)
        try:
            yield said.append
        except StageFailed:
            raise
        except KeyboardInterrupt:
            self.console.print(f"{'':<17} [yellow]interrupted; ending what was started …[/]")
            raise
        except Exception as fault:  # whatever ends a stage is reported under its name, with the cause
            raise StageFailed(name, _words(fault)) from fault
        # Subtract the time that `apart` counted for other stages meanwhile.
        took = time.perf_counter() - began - (sum(self.seconds.values()) - before)
        self.seconds[name] = self.seconds.get(name, 0.0) + took
        first, *others = said or ["done"]
        for line in (f"{first} [dim]({duration(took)})[/]", *others):
            self.console.print(f"{'':<17} {line}", highlight=False, soft_wrap=True)

    @contextmanager
    def apart(self, name: str) -> Iterator[None]:
        """Run work of the stage `name` inside another one; its time and its failure count for `name`."""
        began = time.perf_counter()
        try:
            yield
        except Exception as fault:  # whatever ends a stage is reported under its name, with the cause
            raise StageFailed(name, _words(fault)) from fault
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    @contextmanager
    def bar(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A progress bar with rate for work inside a stage; call the yielded function with (done, of how many)."""
        columns = (
            TextColumn(f"{'':<17} {{task.description}}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
        )
        hidden = not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=hidden) as progress:
            task = progress.add_task(what, total=None, rate="")

            def tick(done: int, of: int) -> None:
                elapsed = progress.tasks[0].elapsed or 0.0
                rate = f"{done / elapsed:,.0f}/s" if elapsed > 0.5 else ""
                progress.update(task, completed=done, total=of, rate=rate)

            yield tick


def _words(fault: Exception) -> str:
    return fault.user_message if isinstance(fault, Fault) else f"{type(fault).__name__}: {fault}"
