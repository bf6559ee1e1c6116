"""Statements follow each other by the numbering of their source: any first number, anew each year, before the first."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from data_contracts.files import FileFault
from payments.files.bank_statement import StatementFault
from payments.files.control_file import FileContent
from payments.files.line import StatementHead
from payments.reconciliation.statements.follow_statement import follow_statement
from payments.reconciliation.statements.postgres_statements import PostgresStatements
from payments.rules.source import FileSource, Numbering, a_source
from payments.wiring import Adapters
from tests.payments.outside import at
from tests.payments.plans import the_adapters

MARCH, DECEMBER, JANUARY = date(2026, 3, 10), date(2026, 12, 31), date(2027, 1, 4)
YEARLY, CONTINUOUS = a_source("main", numbering=Numbering.YEARLY), a_source("main")
FROM_ONE, UNNUMBERED = replace(CONTINUOUS, first_number=1), a_source("main", numbering=Numbering.NONE)

Told = tuple[int | None, date, int, int]  # number, closing day, opening and closing balance

FOLLOWING: list[tuple[str, FileSource, list[Told], list[int]]] = [
    ("any first number", YEARLY, [(57, MARCH, 0, 5), (58, MARCH, 5, 7)], [57, 58]),
    ("anew in a new year", YEARLY, [(251, DECEMBER, 0, 5), (1, JANUARY, 5, 7), (2, JANUARY, 7, 8)], [251, 1, 2]),
    ("no restart goes on too", YEARLY, [(251, DECEMBER, 0, 5), (252, JANUARY, 5, 7)], [251, 252]),
    ("before the first", YEARLY, [(2, MARCH, 5, 7), (1, MARCH, 0, 5), (3, MARCH, 7, 9)], [1, 2, 3]),
    ("last year's last", YEARLY, [(1, JANUARY, 5, 7), (251, DECEMBER, 0, 5)], [251, 1]),
    ("without numbers", UNNUMBERED, [(9, MARCH, 0, 5), (3, MARCH, 5, 7)], [9, 3]),
    ("without a number", CONTINUOUS, [(None, MARCH, 0, 5), (None, MARCH, 5, 7)], [1, 2]),
]
REFUSED: list[tuple[str, FileSource, list[Told], type[FileFault], str]] = [
    ("a gap", YEARLY, [(1, MARCH, 0, 5), (3, MARCH, 5, 7)], FileFault, "3 came after 1"),
    ("again in the same year", YEARLY, [(4, MARCH, 0, 5), (1, MARCH, 5, 7)], FileFault, "1 came after 4"),
    ("a gap behind a restart", YEARLY, [(251, DECEMBER, 0, 5), (2, JANUARY, 5, 7)], FileFault, "2 came after 251"),
    (
        "a restart of a bank that has none",
        CONTINUOUS,
        [(251, DECEMBER, 0, 5), (1, JANUARY, 5, 7)],
        FileFault,
        "after 251",
    ),
    ("another first number", FROM_ONE, [(2, MARCH, 0, 5)], FileFault, "2 is the first to come, and not 1"),
    ("another balance", YEARLY, [(1, MARCH, 0, 5), (2, MARCH, 6, 7)], StatementFault, "opens with 6"),
    ("another balance in a new year", YEARLY, [(251, DECEMBER, 0, 5), (1, JANUARY, 6, 7)], StatementFault, "with 6"),
    ("another balance before the first", YEARLY, [(2, MARCH, 5, 7), (1, MARCH, 0, 4)], StatementFault, "with 5"),
]


def follow(ports: Adapters, source: FileSource, told: list[Told], account: str) -> list[int]:
    """The numbers of an account's statements in their places, after these were taken."""
    statements = PostgresStatements(ports.database)
    for place, (number, day, opening, closing) in enumerate(told):
        content = FileContent(Path(f"{account}.csv"), f"{account} {place}".encode())
        ports.reconciliation.take_file(content, "bank_statement", 1, at(MARCH))
        follow_statement(content, StatementHead(account, "GBP", number, opening, closing, day), source, statements)
    query = "SELECT number FROM payments.statements WHERE bank_account = %s ORDER BY place"
    return [number for (number,) in ports.database.execute(query, (account,))]


def test_statements_that_follow_each_other_are_kept_in_their_places(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        kept = {name: follow(ports, source, told, name) for name, source, told, _ in FOLLOWING}

    assert kept == {name: numbers for name, *_, numbers in FOLLOWING}


def test_a_statement_that_does_not_follow_is_refused_with_its_number_or_balance(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        for name, source, told, fault, said in REFUSED:
            with pytest.raises(fault, match=said):
                follow(ports, source, told, name)
