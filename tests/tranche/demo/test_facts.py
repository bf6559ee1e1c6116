"""What the demo says of the lake's copy of the platform's facts: complete only when every id and every sum is there."""

from collections.abc import Sequence

import pytest

from tranche.demo.facts import Row, compare_facts
from tranche.report.summary import Facts

SUMS = {"repayments": 30_00, "open on instalments": 60_00, "posted transfers": 30_00}
WRITTEN = {("repayment_received.v1", "r-1"), ("instalment_changed.v1", "i-1"), ("instalment_changed.v1", "i-2"),
           ("ledger_entry.v1", "l-1")}  # fmt: skip


def rows(*, paid: int = 30_00, transfer: int = 30_00) -> list[Row]:
    return [
        ("repayment_received.v1", {"event_id": "r-1", "amount_minor": paid}),
        ("instalment_changed.v1", {"event_id": "i-1", "amount_minor": 90_00, "open_change_minor": 90_00}),
        ("instalment_changed.v1", {"event_id": "i-2", "amount_minor": 90_00, "open_change_minor": -30_00}),
        ("ledger_entry.v1", {"event_id": "l-1", "transfers": f'[{{"minor": {transfer - 1}}}, {{"minor": 1}}]'}),
    ]


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        pytest.param(rows(), Facts(4, 4, 0, 0), id="all of it"),
        pytest.param(rows()[:3], Facts(4, 3, 0, 1), id="an entry lost"),
        pytest.param([*rows(), ("plan_event.v1", {"event_id": "e-9"})], Facts(4, 4, 1, 0), id="one that nobody wrote"),
        pytest.param(rows(paid=29_99), Facts(4, 4, 0, 1), id="a repayment changed"),
        pytest.param(rows(transfer=31_00), Facts(4, 4, 0, 1), id="a transfer changed"),
    ],
)
def test_the_lake_is_complete_when_every_id_and_every_sum_is_there(found: Sequence[Row], facts: Facts) -> None:
    answer, _ = compare_facts(WRITTEN, SUMS, found)

    assert answer == facts
    assert answer.complete is (found == rows())
