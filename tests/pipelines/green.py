"""A gate that lets everything through, for tests of what lies behind it."""

from typing import Any

from data_contracts.contract import Contract


class Green:
    """The verdict of a gate without an objection."""

    passed = True
    broken: tuple[str, ...] = ()


def let_through(frame: Any, contract: Contract) -> Green:
    """Judge nothing."""
    del frame, contract
    return Green()
