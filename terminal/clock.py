"""What time it is for the platform: the machine's time, or the one in a file that a person or a replay moves on.

Whatever is due, fresh, late or booked goes by `now`. What is compared with the stamps of other systems (arrival on the
stream, age of a file or a snapshot) and how long something takes goes by `machine_now`: those do not move on with it.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from terminal.fault import Fault
from terminal.settings import Settings

Clock = Callable[[], datetime]


class ClockFault(Fault):
    """The clock file does not hold a time."""


class NotYetBegun(Fault):
    """Raised for a day after the clock's."""


def must_have_begun(day: date, at: datetime) -> None:
    """Raise NotYetBegun if the day begins after `at`, in UTC.

    Every act that moves or books money on a day that it is given asks this first: nothing is charged, paid out, closed
    or missing before its day.
    """
    if day > at.astimezone(UTC).date():
        raise NotYetBegun(f"{day} has not begun: it is {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")


def now() -> datetime:
    """The time of this process's runtime."""
    return clock_of(Settings.from_environment().clock_file)()


def today() -> date:
    """The day of this process's runtime, in UTC."""
    return now().date()


def machine_now() -> datetime:
    """The machine's own time, whatever the runtime's clock says."""
    return datetime.now(UTC)


def clock_of(file: Path | None) -> Clock:
    """The clock in the file, read each time it is asked; the machine's where there is no such file."""
    if file is None:
        return machine_now
    path = file

    def read() -> datetime:
        return shown_by(path) or machine_now()

    return read


def shown_by(path: Path) -> datetime | None:
    """The time in this file; None while there is no such file. `ClockFault` when it holds something else."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as fault:
        raise ClockFault(f"{path}: {text!r} is not an ISO time; for example 1996-03-01T00:00:00Z") from fault
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
