from dataclasses import replace
from datetime import date, timedelta

import pytest

from ledger.books.statement import OpenGroup
from lending.plan.event import Route
from lending.plan.when import When
from payments.disputes.dispute import DisputeNotice, DisputeStage, NoticeTaken
from payments.provider.charge import ChargeRequest
from payments.provider.simulated import SimulatedProvider
from payments.reconciliation.bookings import unidentified_credit
from payments.reconciliation.open_items import MissingGroup, OpenItem, Unexplained, Why, compare_open_groups
from payments.refunds.refund import RefundTaken
from payments.wiring import Adapters
from tests.payments.acts import collect, refund, take_notice
from tests.payments.plans import AFTER_THE_DUES, NOON, an_open_plan, first_due, open_items, pounds, the_adapters
from tranche.__main__ import invoke

CLEARING = "provider:sandbox:clearing"
DAY = date(2026, 3, 2)
GROUP = OpenGroup(CLEARING, "attempt_id", "a-1", pounds(30_00), pounds(0), DAY)
ITEM = OpenItem("a-1", Why.CASH_AWAITED, CLEARING, "a-1", pounds(30_00), pounds(0))


def test_a_group_is_explained_by_the_items_that_leave_exactly_it() -> None:
    found = compare_open_groups(
        [GROUP], [replace(ITEM, posted=pounds(20_00)), replace(ITEM, item_id="b-1", posted=pounds(10_00))]
    )

    assert [len(each.items) for each in found.explained] == [2]
    assert found.faults == ()


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([], id="nothing is known"),
        pytest.param([replace(ITEM, posted=pounds(29_99))], id="another amount"),
        pytest.param([replace(ITEM, pending=pounds(1))], id="another amount pending"),
    ],
)
def test_a_group_that_no_item_leaves_is_named(items: list[OpenItem]) -> None:
    found = compare_open_groups([GROUP], items)

    assert found.faults == (Unexplained(GROUP, tuple(items)),)
    assert "a-1" in str(found.faults[0])


def test_an_item_of_which_the_books_show_nothing_is_missing() -> None:
    found = compare_open_groups([], [ITEM])

    assert found.faults == (MissingGroup((ITEM,)),)
    assert str(found.faults[0]) == f"{CLEARING} shows nothing of a-1, but open is a-1 (cash_awaited)"


def test_items_that_add_up_to_nothing_need_no_group() -> None:
    assert compare_open_groups([], [ITEM, replace(ITEM, posted=pounds(-30_00))]).faults == ()


def _open(database_url: str, ports: Adapters) -> dict[tuple[str, str], Why]:
    """Why each group is open; the test fails when one is not explained."""
    found = open_items(database_url, ports)
    assert found.faults == (), [str(each) for each in found.faults]
    return {(each.group.account, each.group.value): each.items[0].why for each in found.explained}


def test_charges_refunds_and_cases_under_way_are_what_the_books_show_as_open(database_url: str) -> None:
    def loses(request: ChargeRequest) -> bool:
        return request.plan_id.startswith(lost)

    provider = SimulatedProvider(lose_answers=loses)
    with the_adapters(database_url, provider) as ports:
        paid, unknown, third = (an_open_plan(ports, number) for number in (1, 2, 3))
        lost = unknown.plan_id
        assert _open(database_url, ports) == {}

        collect(first_due(paid), ports=ports, at=AFTER_THE_DUES)
        captured, asked, other = (f"{plan.instalments[0].instalment_id}#1" for plan in (paid, unknown, third))
        charged = {
            (CLEARING, captured): Why.CASH_AWAITED,
            (CLEARING, other): Why.CASH_AWAITED,
            ("rail:card:sandbox:in_flight", asked): Why.OUTCOME_AWAITED,
        }
        assert _open(database_url, ports) == charged

        notice = DisputeNotice("c-1", DisputeStage.OPENED, captured, Route.CARD, first_due(paid) + timedelta(days=1))
        assert isinstance(take_notice(notice, ports=ports, at=AFTER_THE_DUES), NoticeTaken)
        # The charge-back takes from the provider's account what the capture left there.
        case = {("dispute:sandbox:receivable", "c-1"): Why.CASE_OPEN}
        assert (
            _open(database_url, ports)
            == {key: why for key, why in charged.items() if key != (CLEARING, captured)} | case
        )

        later = NOON + timedelta(days=(first_due(paid) - NOON.date()).days + 1)
        assert isinstance(refund(third.plan_id, "r-1", third.principal, ports=ports, at=later), RefundTaken)
        assert _open(database_url, ports)[f"shopper:{third.shopper_id}:refund_payable", "r-1"] is Why.REFUND_OWED


def test_what_nobody_knows_is_found_in_the_books_and_what_the_books_lack_among_the_attempts(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
        collect(first_due(plan), ports=ports, at=AFTER_THE_DUES)
        with ports.transaction():
            ports.ledger.post(unidentified_credit("l-9", "main", pounds(5), When.day(DAY)))
        attempt = f"{plan.instalments[0].instalment_id}#1"
        with ports.transaction():
            ports.ledger.reverse(
                f"F12b:{attempt}", value_date=DAY, occurred_at=NOON, recorded_at=NOON, reason="a test's own"
            )

        found = open_items(database_url, ports)

    assert [each.group.value for each in found.unexplained] == ["l-9"]
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    assert invoke(["payments", "open-items"]) == 1
    assert "suspense:unapplied holds -0.05 GBP of line_id l-9" in capsys.readouterr().err
    assert [each.items[0].item_id for each in found.missing] == [attempt]
