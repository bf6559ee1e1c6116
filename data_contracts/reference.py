"""The contracts as pages for readers: one for each contract, and an index of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from data_contracts.catalog import FOLDER, LAYERS, contracts, files, versions
from data_contracts.contract import Column, Contract, RuleType
from data_contracts.reader import read_contract
from data_contracts.schemas import field_ids

INDEX = "README.md"
_MOST_WORDS = 50  # of a longer list only the first and the last are shown
_LAYERS = {
    "events": "Events and files",
    "tables": "Tables of the lake",
    "features": "Feature sets",
    "api": "Payloads of the API",
}
_TOLD = {
    RuleType.REQUIRED: "is there",
    RuleType.TYPE: "is of the column's type",
    RuleType.ENUM: "is one of the valid values",
    RuleType.PATTERN: "fits the pattern {bound}",
    RuleType.LENGTH: "has at most {bound} characters",
    RuleType.MINIMUM: "is at least {bound}",
    RuleType.MAXIMUM: "is at most {bound}",
    RuleType.NOT_BEFORE: "is not before {bound}",
}


def pages(folder: Path = FOLDER) -> dict[str, str]:
    """Every page as Markdown, by file name."""
    found = {f"{contract.name}.md": _page(versions(contract.name, folder)) for contract in contracts(folder).values()}
    return {INDEX: _index(folder), **found}


def write_pages(out: Path, folder: Path = FOLDER) -> int:
    """Write every page into the folder `out`, remove those of removed contracts, and return the number of pages."""
    made = pages(folder)
    out.mkdir(parents=True, exist_ok=True)
    for file in out.glob("*.md"):
        if file.name not in made:
            file.unlink()
    for name, text in made.items():
        (out / name).write_text(text, encoding="utf-8")
    return len(made)


def _index(folder: Path) -> str:
    layers = {
        contract.name: file.relative_to(folder).parts[0]
        for file in files(folder)
        if (contract := read_contract(file).contract) is not None
    }
    lines = [
        "# Contracts",
        "",
        "Written by `tranche contracts page` from `data_contracts/`; a test holds it equal. A contract is the only",
        "source of what a record means: schemas, checks and these pages are made from it.",
    ]
    for layer in LAYERS:
        found = [contract for contract in contracts(folder).values() if layers[contract.name] == layer]
        if not found:
            continue
        lines += ["", f"## {_LAYERS[layer]}", "", "| contract | version | meaning | owner |", "|---|---|---|---|"]
        lines += [
            f"| [{each.name}]({each.name}.md) | {each.version} | {_cell(each.meaning)} | {each.owner} |"
            for each in sorted(found, key=lambda each: each.name)
        ]
    return "\n".join(lines) + "\n"


def _page(released: Sequence[Contract]) -> str:
    contract = released[-1]
    parts = [
        f"# {contract.name} {contract.version}",
        "",
        contract.meaning,
        "",
        *_terms(contract),
        "",
        *_columns(released),
        "",
        *_rules(contract),
    ]
    return "\n".join(parts) + "\n"


def _terms(contract: Contract) -> Iterator[str]:
    terms = contract.terms
    yield "| | |"
    yield "|---|---|"
    yield f"| owner | {contract.owner} |"
    if contract.raw_table:
        yield f"| event type | `{contract.event_type}` |"
    if contract.table:
        yield f"| table | {' → '.join(f'`{table}`' for table in (contract.table, contract.curated_table) if table)} |"
    yield f"| key | {', '.join(f'`{name}`' for name in contract.key)} |"
    yield f"| whose data | {_subject(terms.subject)} |"
    yield f"| legal basis | {_words(terms.legal_basis)} |"
    for allowed in terms.allowed_use:
        yield f"| may be used in {allowed.jurisdiction} for | {', '.join(map(_words, allowed.uses))} |"
    yield f"| kept for | {terms.retention} |"
    if terms.frequency or terms.latency:
        yield f"| arrives | every {terms.frequency or '?'}, within {terms.latency or '?'} |"
    if terms.rejected_share_limit is not None:
        yield f"| a batch stops above | {terms.rejected_share_limit} % rejected |"
    yield f"| consumers | {', '.join(_consumer(each.name, each.tolerates_new_values) for each in terms.consumers)} |"
    if contract.is_closed:
        yield "| further columns | refused |"


def _columns(released: Sequence[Contract]) -> Iterator[str]:
    ids = field_ids(released)
    yield "## Columns"
    yield ""
    yield "| id | column | type | | meaning | personal data |"
    yield "|---:|---|---|---|---|---|"
    for column in released[-1].columns:
        yield (
            f"| {ids[column.name]} | `{column.name}` | {column.type} | {'required' if column.required else ''} | "
            f"{_cell(_meaning(column))} | {'' if column.personal_data == 'none' else column.personal_data} |"
        )


def _rules(contract: Contract) -> Iterator[str]:
    yield "## Rules"
    yield ""
    becomes = "goes to the quarantine" if contract.raw_table else "is refused"
    yield f"A record that breaks one of these {becomes} with the name of the rule."
    yield ""
    yield "| rule | the value |"
    yield "|---|---|"
    for rule in contract.row_rules:
        bound = None if rule.bound is None else f"`{rule.bound}`"
        yield f"| `{rule.name}` | {_cell(_TOLD[rule.type].format(bound=bound))} |"
    if contract.aggregate_rules:
        yield ""
        yield "A table that breaks one of these stays as it was."
        yield ""
        yield "| rule | meaning |"
        yield "|---|---|"
        for each in contract.aggregate_rules:
            yield f"| `{each.name}` | {_cell(each.meaning)} |"


def _meaning(column: Column) -> str:
    words = [f"`{word}`" for word in column.valid_values]
    if len(words) > _MOST_WORDS:
        return f"{column.meaning} One of {len(words)} words, from {words[0]} to {words[-1]}."
    return f"{column.meaning} One of {', '.join(words)}." if words else column.meaning


def _subject(column: str | None) -> str:
    return "no person's" if column is None else f"`{column}`"


def _consumer(name: str, tolerates: bool) -> str:
    return f"{name} (takes new values)" if tolerates else name


def _words(word: str) -> str:
    return word.replace("_", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
