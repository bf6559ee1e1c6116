"""`tranche clock`: set the time that every command and the API of this runtime use.

Once set, the clock stands still until it is moved again; if it is not set, the machine's time is used. Airflow's
schedule and the timestamps of the stream and the lake always use the machine's time.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from terminal import clock
from terminal.fault import Fault
from terminal.report import Report, reporting
from terminal.settings import Settings
from tranche.local.clock_file import ClockFile

_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="The runtime's time: show it, set it, advance it, give it back."
)

Force = Annotated[bool, typer.Option("--force", help="Let the time go backwards: what is on record stays there.")]


class ClockRefused(Fault):
    """Raised when the clock cannot be moved as requested."""


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    *,
    day: Annotated[bool, typer.Option("--day", help="Print the day alone, as other commands take it.")] = False,
) -> None:
    """Show the time that commands and the API of this runtime go by; set, advance and clear change it."""
    if context.invoked_subcommand is None:
        print(clock.today() if day else _line())


@app.command("set")
@reporting()
def set_to(
    time: Annotated[datetime, typer.Argument(formats=_FORMATS, help="In UTC.")],
    *,
    force: Force = False,
) -> Report:
    """Let it be this moment from now on, until it is moved again."""
    return _move(time.replace(tzinfo=UTC), force=force)


@app.command()
@reporting()
def advance(
    by: Annotated[str, typer.Argument(metavar="1d|6h|30m|2w", help="Days, hours, minutes or weeks.")],
) -> Report:
    """Move the time on; from the machine's own when it was not set before."""
    return _move(clock.now() + length_of(by), force=False)


@app.command()
@reporting()
def clear(*, force: Force = False) -> Report:
    """Go back to the machine's own time."""
    file = _file()
    shown = clock.shown_by(file)
    if shown is not None:
        _refuse_backwards(shown, clock.machine_now(), force=force)
        file.unlink(missing_ok=True)
    return _as_it_is()


def clock_line() -> str | None:
    """The clock's part of the header, such as `clock 2026-12-01 09:00 UTC`; None if the machine's time is used."""
    file = Settings.from_environment().clock_file
    shown = None if file is None else clock.shown_by(file)
    return None if shown is None else f"clock {_minute(shown)}"


def length_of(text: str) -> timedelta:
    """The length of a step of the clock; raises ClockRefused for a text that is none.

    >>> length_of("1d"), length_of("6h")
    (datetime.timedelta(days=1), datetime.timedelta(seconds=21600))
    """
    found = re.fullmatch(r"([1-9]\d{0,4})([wdhm])", text)
    if found is None:
        raise ClockRefused(f"{text!r} is no length of time; for example 1d, 6h, 30m or 2w")
    return int(found[1]) * _UNITS[found[2]]


def _move(to: datetime, *, force: bool) -> Report:
    file = _file()
    _refuse_backwards(clock.now(), to, force=force)
    ClockFile(file).show(to)
    return _as_it_is()


def _as_it_is() -> Report:
    return Report({"now": clock.now(), "is_set": clock_line() is not None}, [_line()])


def _line() -> str:
    return clock_line() or f"{_minute(clock.now())}, the machine's own time"


def _refuse_backwards(now: datetime, to: datetime, *, force: bool) -> None:
    if to < now and not force:
        raise ClockRefused(
            f"that would take the time back from {_minute(now)} to {_minute(to)}, before what may be on record; "
            "--force does it all the same"
        )


def _file() -> Path:
    file = Settings.from_environment().clock_file
    if file is None:
        raise ClockRefused(
            "there is no runtime whose clock could be moved; tranche local up starts one, and TRANCHE_CLOCK_FILE names "
            "the file of any other"
        )
    return file


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
