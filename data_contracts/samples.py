"""Samples of a contract: records that keep it, and for each row rule the change that breaks it.

`samples/NAME.json` holds `{"valid": {…} or [{…}, …], "invalid": {"amount_minor.minimum": {"amount_minor": 0}, …}}`. An
invalid sample is the first valid record with that change. Tables for rules over a whole table are in `table_samples`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts.catalog import FOLDER
from data_contracts.document import ContractFault

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one contract's file."""

    file: Path
    valid: tuple[Record, ...]
    invalid: Mapping[str, Record]
    tables: Mapping[str, Mapping[str, list[Record]]]
    lines: Sequence[str]

    def broken(self, rule: str) -> Record:
        """The first valid record with the change that breaks the rule; raises KeyError if there is none."""
        return self.valid[0] | self.invalid[rule]

    def line_of(self, rule: str) -> int:
        """The line on which the sample of that rule begins."""
        return next((at for at, line in enumerate(self.lines, start=1) if f'"{rule}"' in line), 1)


def samples_file(name: str, folder: Path = FOLDER) -> Path:
    """The path of that contract's samples."""
    return folder / "samples" / f"{name}.json"


def read_samples(name: str, folder: Path = FOLDER) -> Samples:
    """The samples of that contract; raises ContractFault if the file is missing or has none."""
    file = samples_file(name, folder)
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text)
        valid = found["valid"] if isinstance(found["valid"], list) else [found["valid"]]
        invalid, tables = dict(found["invalid"]), dict(found.get("tables", {}))
    except FileNotFoundError as error:
        raise ContractFault(file, 1, "(file)", "there is no such file of samples") from error
    except json.JSONDecodeError as error:
        raise ContractFault(file, error.lineno, "(file)", error.msg) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractFault(file, 1, "(file)", f"no samples: {error}") from error
    if not valid or not all(isinstance(record, dict) for record in [*valid, *invalid.values()]):
        raise ContractFault(file, 1, "(file)", "no samples: each one is a JSON object")
    return Samples(file, tuple(valid), invalid, tables, text.splitlines())
