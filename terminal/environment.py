"""Reads settings from environment variables; the fault for a wrong one names it and gives an example."""

from collections.abc import Mapping

from terminal.fault import Fault


class SettingFault(Fault):
    """A setting is missing or malformed. The message names the variable and shows a value that works."""

    def __init__(self, name: str, trouble: str, example: str) -> None:
        self.name = name
        self.trouble = trouble
        self.example = example
        super().__init__(f"setting {name} {trouble}; for example {name}={example}")


def required(environ: Mapping[str, str], name: str, example: str, *, may_be_empty: bool = False) -> str:
    """The variable's value; `SettingFault` when it is not set, or is empty where empty has no meaning."""
    value = environ.get(name)
    if value is None:
        raise SettingFault(name, "is not set", example)
    if not value.strip() and not may_be_empty:
        raise SettingFault(name, "is empty", example)
    return value.strip()


def optional(environ: Mapping[str, str], name: str, default: str) -> str:
    """The variable's value, or the default when it is not set or is empty."""
    return environ.get(name, "").strip() or default


def required_url(
    environ: Mapping[str, str], name: str, example: str, schemes: tuple[str, ...], *, may_be_empty: bool = False
) -> str:
    """An address with one of the schemes, such as `http` or `postgresql`; anything else is a `SettingFault`."""
    value = required(environ, name, example, may_be_empty=may_be_empty)
    scheme, separator, _ = value.partition("://")
    if value and (not separator or scheme not in schemes):
        raise SettingFault(name, f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}", example)
    return value
