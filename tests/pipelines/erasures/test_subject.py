"""No table in which a person's data can lie is passed over by an erasure or by retention."""

from __future__ import annotations

import pytest

from data_contracts.catalog import contracts, event_contracts
from data_contracts.contract import Contract, PersonalData
from features.as_of import days_sql
from features.catalog import APPLICANT
from pipelines.erasures import subject as subjects
from pipelines.upkeep.retention import MADE_OF, _own_period, periods
from pipelines.vectors.feature_days import days_table

# Contracts with personal columns but without a subject column, and why they need none.
WITHOUT_A_SUBJECT = {
    "ledger_entry": "an entry is the books'; found by plan, order and the accounts in `transfers`",
    "settlement_line": "a line is the provider's; a subject's is found by the attempt that it settles",
}
TABLES = {
    table: contract
    for contract in contracts().values()
    for table in (contract.table, contract.curated_table)
    if table is not None
}


def is_personal(contract: Contract) -> bool:
    return any(column.personal_data is not PersonalData.NONE for column in contract.columns)


def test_who_has_personal_columns_says_whose_a_row_is_or_stands_here_with_the_reason() -> None:
    without = {name for name, each in contracts().items() if is_personal(each) and each.terms.subject is None}

    assert without == set(WITHOUT_A_SUBJECT)
    assert {each.terms.subject for each in contracts().values()} - {None} == set(subjects.SUBJECT)


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_asked_for_a_subject_and_has_a_period(table: str) -> None:
    contract = TABLES[table]
    leads = subjects.leads(contract.by_name)

    assert bool(leads) is is_personal(contract)
    assert contract.terms.subject in (None, *leads)
    kept, moment = _own_period(table, periods())
    assert kept == contract.terms.retention.days
    assert moment in contract.by_name


def test_ingest_knows_by_what_events_hang_on_a_subject_that_name_none() -> None:
    nameless = [contract for contract in event_contracts().values() if contract.name in WITHOUT_A_SUBJECT]

    asked = {column for contract in nameless for column in subjects.leads(contract.by_name)}
    assert asked == set(subjects.links_of_events()) == {"plan_id", "order_id", "attempt_id"}


def test_what_is_kept_of_days_goes_with_the_rows_that_it_was_made_of() -> None:
    tables = {days_table(source): source.table for source in APPLICANT.sources if source.by_days}

    for table, made_of in tables.items():
        assert _own_period(table, periods()) == (TABLES[made_of].terms.retention.days, "occurred_until")
    assert "occurred_until" in days_sql(APPLICANT.sources[0], "events")
    assert set(MADE_OF) == set(tables)
