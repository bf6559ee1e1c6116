"""Samples of a contract: records that keep it, and for each row rule the change that breaks it.

`samples/NAME.json` holds `{"valid": {…} or [{…}, …], "invalid": {"amount_minor.minimum": {"amount_minor": 0}, …}}`. An
invalid sample is the first valid record with that change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts.catalog import FOLDER
from data_contracts.contract import Contract
from data_contracts.document import ContractFault
from data_contracts.quarantine import check

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one contract's file."""

    file: Path
    valid: tuple[Record, ...]
    invalid: Mapping[str, Record]
    lines: Sequence[str]

    def broken(self, rule: str) -> Record:
        """The first valid record with the one change that breaks the rule; KeyError when there is none."""
        return self.valid[0] | self.invalid[rule]

    def line_of(self, rule: str) -> int:
        """The line on which the sample of that rule begins."""
        return next((at for at, line in enumerate(self.lines, start=1) if f'"{rule}"' in line), 1)


def samples_file(name: str, folder: Path = FOLDER) -> Path:
    """Where the samples of that contract are."""
    return folder / "samples" / f"{name}.json"


def read_samples(name: str, folder: Path = FOLDER) -> Samples:
    """The samples of that contract; ContractFault for a file that is missing or holds none."""
    file = samples_file(name, folder)
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text)
        valid = found["valid"] if isinstance(found["valid"], list) else [found["valid"]]
        invalid = dict(found["invalid"])
    except FileNotFoundError as error:
        raise ContractFault(file, 1, "(file)", "there is no such file of samples") from error
    except json.JSONDecodeError as error:
        raise ContractFault(file, error.lineno, "(file)", error.msg) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractFault(file, 1, "(file)", f"no samples: {error}") from error
    if not valid or not all(isinstance(record, dict) for record in [*valid, *invalid.values()]):
        raise ContractFault(file, 1, "(file)", "no samples: each one is a JSON object")
    return Samples(file, tuple(valid), invalid, text.splitlines())


def judge_samples(
    versions: Sequence[tuple[Contract, Path, Mapping[str, int]]], folder: Path
) -> Iterator[ContractFault]:
    """What is wrong with the samples of one contract: its newest released version and its proposal, if there is one.

    Each version comes with its file and the lines of its columns, for a rule without samples is a fault of the
    contract, not of the samples.
    """
    name = versions[0][0].name
    try:
        samples = read_samples(name, folder)
    except ContractFault as fault:
        yield fault
        return
    for contract, file, lines in versions:
        yield from _judge(contract, file, lines, samples)
    known = {rule.name for contract, _, _ in versions for rule in contract.row_rules}
    for rule in samples.invalid:
        if rule not in known:
            reason = f"there is no rule {rule} in {name}"
            yield ContractFault(samples.file, samples.line_of(rule), rule, reason)


def _judge(contract: Contract, file: Path, lines: Mapping[str, int], samples: Samples) -> Iterator[ContractFault]:
    for record in samples.valid:
        for violation in check(contract, record):
            reason = f"a valid sample breaks it with {violation.value!r}"
            yield ContractFault(samples.file, samples.line_of("valid"), violation.rule, reason)
    for rule in contract.row_rules:
        column = rule.column.name
        line = lines.get(f"rule {rule.name}", lines.get(column, 1))
        if all(record.get(column) is None for record in samples.valid):
            yield ContractFault(file, line, rule.name, "has no passing sample: no valid sample has a value there")
        if rule.name not in samples.invalid:
            yield ContractFault(file, line, rule.name, "has no failing sample")
            continue
        broken = {violation.rule for violation in check(contract, samples.broken(rule.name))}
        if rule.name not in broken:
            at = samples.line_of(rule.name)
            yield ContractFault(samples.file, at, rule.name, "the failing sample does not break it")
