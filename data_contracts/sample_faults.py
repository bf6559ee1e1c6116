"""Faults of a contract's samples: a rule without samples, a sample that keeps or breaks the wrong rule, a stray one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from data_contracts.contract import Contract
from data_contracts.document import ContractFault
from data_contracts.quarantine import violations_of
from data_contracts.samples import Samples, read_samples
from data_contracts.table_samples import table_sample


def judge_samples(
    versions: Sequence[tuple[Contract, Path, Mapping[str, int]]], folder: Path
) -> Iterator[ContractFault]:
    """The faults of one contract's samples, for its newest released version and its proposal, if there is one.

    Each version comes with its file and the lines of its columns, because a rule without samples is a fault of the
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
    known |= {rule.name for contract, _, _ in versions for rule in contract.aggregate_rules}
    for rule in (*samples.invalid, *samples.tables):
        if rule not in known:
            reason = f"there is no rule {rule} in {name}"
            yield ContractFault(samples.file, samples.line_of(rule), rule, reason)


def _judge(contract: Contract, file: Path, lines: Mapping[str, int], samples: Samples) -> Iterator[ContractFault]:
    for record in samples.valid:
        for violation in violations_of(contract, record):
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
        broken = {violation.rule for violation in violations_of(contract, samples.broken(rule.name))}
        if rule.name not in broken:
            at = samples.line_of(rule.name)
            yield ContractFault(samples.file, at, rule.name, "the failing sample does not break it")
    for table_rule in contract.aggregate_rules:
        found = table_sample(table_rule, samples)
        if found is None or found.passing == found.failing:
            line = lines.get(f"rule {table_rule.name}", 1)
            yield ContractFault(file, line, table_rule.name, "has no tables among the samples, passing and failing")
