"""How often one sender may ask: a bucket of tokens for each, filled at a steady rate up to a burst."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from terminal.environment import SettingFault

_MOST_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second over a long time, and how many may come at once."""

    per_second: float
    burst: int


DEFAULT_RATE = Rate(per_second=1_000, burst=2_000)
"""More than one process answers, so that by default only a sender that floods it is held."""


def rate_from(text: str) -> Rate:
    """The rate of a setting such as `50/100`: fifty a second, a hundred at once. Nothing means the default."""
    if not text:
        return DEFAULT_RATE
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text, re.ASCII)
    per_second, burst = (int(each) for each in found.groups()) if found else (0, 0)
    if not per_second or not burst:
        raise SettingFault("TRANCHE_RATE", f"{text!r} is not two numbers above zero with a slash between", "50/100")
    return Rate(per_second, burst)


class RequestRate:
    """Counts requests by sender, within this process. A sender that was not seen for long starts with a full bucket."""

    def __init__(self, rate: Rate, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._lock = Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_for(self, sender: str) -> float:
        """Take one request; the seconds to wait before the next attempt, and zero when this one may go on."""
        now = self._monotonic()
        with self._lock:
            left, seen = self._left.pop(sender, (float(self._rate.burst), now))
            left = min(self._rate.burst, left + (now - seen) * self._rate.per_second)
            allowed = left >= 1
            self._left[sender] = (left - 1 if allowed else left, now)
            if len(self._left) > _MOST_KEPT:
                self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate.per_second
