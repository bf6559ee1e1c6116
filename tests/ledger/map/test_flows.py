"""Each flow of the map books the row that is written out for it by hand in `flow_rows.txt`."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from ledger.journal import Journal
from ledger.map.flows import NothingToPost, NotOnTheMap, admit, journal, money_map
from ledger.money import Money
from ledger.transfer import Transfer, TransferFault
from tests.ledger.builders import DAY, NAMES, NOON, a_claim, a_journal, a_purchase, crowns, pounds
from tests.ledger.flow_rows import ADDED, NUMBERED, WITHOUT_TRANSFERS, Amounts, rows

PRINCIPAL, INTEREST, FEES = "plan:p-1:principal", "plan:p-1:interest_rcv", "plan:p-1:fee_rcv"
CLEARING, IN_FLIGHT, RETURNS = "provider:sim:clearing", "rail:card:sim:in_flight", "rail:card:sim:returns"
PAYABLE, IN_TRANSIT = "merchant:m-1:payable", "merchant:m-1:in_transit"
WATERFALL = {"fees": "7.00", "interest": "3.00", "principal": "15.00"}

ROWS = [
    ("F01", {"approved": "100.00"}, [("memo:commitment", "memo:commitment_contra", "100.00")]),
    (
        "F02",
        {"payable": "95.00", "discount": "5.00"},
        [(PRINCIPAL, PAYABLE, "95.00"), (PRINCIPAL, "plan:p-1:deferred_discount", "5.00")],
    ),
    ("F03", {"principal": "25.00"}, [(CLEARING, PRINCIPAL, "25.00")]),
    ("F05", {"earned": "5.00"}, [("plan:p-1:deferred_discount", "inc:discount", "5.00")]),
    ("F05", {"given_back": "5.00"}, [("inc:discount", "plan:p-1:deferred_discount", "5.00")]),
    ("F07a", {"payout": "95.00"}, [(PAYABLE, IN_TRANSIT, "95.00")]),
    ("F07b", {"payout": "95.00"}, [(IN_TRANSIT, "bank:main", "95.00")]),
    (
        "F12a",
        WATERFALL,
        [(IN_FLIGHT, FEES, "7.00"), (IN_FLIGHT, INTEREST, "3.00"), (IN_FLIGHT, PRINCIPAL, "15.00")],
    ),
    (
        "F12b",
        WATERFALL,
        [
            (IN_FLIGHT, FEES, "7.00"),
            (IN_FLIGHT, INTEREST, "3.00"),
            (IN_FLIGHT, PRINCIPAL, "15.00"),
            (CLEARING, IN_FLIGHT, "25.00"),
        ],
    ),
    (
        "F12c",
        {"cash": "24.40", "fee": "0.60"},
        [("bank:main", CLEARING, "24.40"), ("exp:provider_fee", CLEARING, "0.60")],
    ),
    (
        "F13b",
        {"credit_balance": "5.00", "principal": "20.00"},
        [("shopper:s-1:credit_balance", RETURNS, "5.00"), (PRINCIPAL, RETURNS, "20.00")],
    ),
    ("F13d", {"cash": "25.00"}, [(RETURNS, "bank:main", "25.00")]),
    ("F13d", {"netted": "25.00"}, [(RETURNS, CLEARING, "25.00")]),
    ("F17", {"interest": "3.00"}, [(INTEREST, "inc:interest", "3.00")]),
    (
        "F35a",
        {"cash": "2431.10", "fee": "58.90"},
        [("bank:main", CLEARING, "2431.10"), ("exp:provider_fee", CLEARING, "58.90")],
    ),
    ("F36a", {"cash": "45.00"}, [("bank:main", "suspense:unapplied", "45.00")]),
    (
        "F36b",
        WATERFALL,
        [
            ("suspense:unapplied", FEES, "7.00"),
            ("suspense:unapplied", INTEREST, "3.00"),
            ("suspense:unapplied", PRINCIPAL, "15.00"),
        ],
    ),
    ("F36b", {"sent_back": "45.00"}, [("suspense:unapplied", "bank:main", "45.00")]),
    ("F48", {"principal": "100.00"}, [(PRINCIPAL, "equity:opening", "100.00")]),
    ("F49", {"capital": "100.00"}, [("bank:main", "equity:capital", "100.00")]),
]


@pytest.mark.parametrize(("flow", "amounts", "moved"), ROWS, ids=[f"{flow}-{'-'.join(each)}" for flow, each, _ in ROWS])
def test_a_flow_moves_what_its_row_says(flow: str, amounts: dict[str, str], moved: list[tuple[str, str, str]]) -> None:
    expected = tuple(Transfer(debit, credit, pounds(amount)) for debit, credit, amount in moved)

    assert a_journal(flow, amounts=amounts).transfers == expected


@pytest.mark.parametrize(
    ("flow", "amounts", "debits", "credits_"), rows(), ids=[f"{flow}-{'-'.join(given)}" for flow, given, *_ in rows()]
)
def test_a_flow_debits_and_credits_what_the_design_says(
    flow: str, amounts: Amounts, debits: Amounts, credits_: Amounts
) -> None:
    written = a_journal(flow, amounts={name: f"{amount}.00" for name, amount in amounts.items()})

    admit(written, held=money_map().flow(flow).pending, posts_hold=money_map().flow(flow).posts is not None)
    assert _totals((transfer.debit, transfer.amount) for transfer in written.transfers) == debits
    assert _totals((transfer.credit, transfer.amount) for transfer in written.transfers) == credits_


def _totals(sides: Iterable[tuple[str, Money]]) -> Amounts:
    totals: Amounts = {}
    for account, amount in sides:
        totals[account] = totals.get(account, 0) + amount.minor // 100
    return totals


def test_every_flow_that_moves_money_has_a_test_id() -> None:
    assert set(money_map().flows) == {flow for flow, *_ in rows()} | WITHOUT_TRANSFERS


def test_every_numbered_row_is_on_the_map_once() -> None:
    flows, rows = set(money_map().flows), set(money_map().rows)

    assert set(NUMBERED.split()) <= flows | rows
    assert flows | rows <= set(NUMBERED.split()) | set(ADDED.split())
    assert not flows & rows
    assert money_map().flow("F13a").voids == "F12a"


@pytest.mark.parametrize("flow", sorted(money_map().flows))
def test_only_reservations_and_claims_are_held(flow: str) -> None:
    assert money_map().flow(flow).pending is (flow in {"F01", "F12a", "F24h"})


@pytest.mark.parametrize(
    ("account", "normal", "floor"),
    [
        ("bank:main", "debit", False),
        (CLEARING, "debit", False),
        (RETURNS, "debit", False),
        (PRINCIPAL, "debit", True),
        (INTEREST, "debit", True),
        (FEES, "debit", True),
        (PAYABLE, "credit", True),
        (IN_TRANSIT, "credit", False),
        ("shopper:s-1:credit_balance", "credit", True),
        ("plan:p-1:deferred_discount", "credit", True),
        ("suspense:unapplied", "credit", False),
        ("equity:opening", "credit", False),
        ("exp:provider_fee", "debit", False),
        ("inc:discount", "credit", False),
    ],
)
def test_an_account_stands_on_its_side_of_the_chart_with_its_limit(account: str, normal: str, floor: bool) -> None:
    kind = money_map().account_type(account)

    assert (kind.normal, kind.floor) == (normal, floor)


def test_what_is_in_flight_is_only_ever_held() -> None:
    assert [kind.pattern for kind in money_map().chart if kind.pending_only] == ["rail:{rail}:{provider}:in_flight"]


def test_the_id_of_an_entry_is_its_flow_and_its_business_event() -> None:
    assert a_purchase(key="o-7").entry_id == "F02:o-7"


def test_a_correction_and_a_late_item_say_what_they_are() -> None:
    again = a_purchase(key="o-7", suffix="#2", corrects="F02:o-7", original_date=DAY)

    assert (again.entry_id, again.corrects, again.original_date) == ("F02:o-7#2", "F02:o-7", DAY)


def test_the_same_amounts_in_another_order_are_admitted() -> None:
    written = a_journal("F13b", amounts={"principal": "20.00", "credit_balance": "5.00"})

    admit(replace(written, transfers=written.transfers[::-1]), held=False)


def test_a_position_holds_its_own_currency_only() -> None:
    bought = a_journal("F40", amounts={"converted": "94.00", "spread": "1.00", "payable": crowns("2800.00")})

    assert [(each.debit, each.credit) for each in bought.transfers][-1] == ("fx:CZK", PAYABLE)
    with pytest.raises(NotOnTheMap, match="fx:EUR holds no CZK"):
        admit(_moved(bought, Transfer("fx:EUR", PAYABLE, crowns("2800.00"))), held=False)


def test_an_amount_of_zero_drops_its_leg() -> None:
    assert [transfer.credit for transfer in a_purchase(discount="0.00").transfers] == [PAYABLE]


def test_an_event_whose_amounts_are_all_zero_has_no_journal() -> None:
    with pytest.raises(NothingToPost):
        a_purchase(payable="0.00", discount="0.00")


@pytest.mark.parametrize(
    ("flow", "amounts", "names", "says"),
    [
        pytest.param("F99", {}, {}, "F99", id="an unknown flow"),
        pytest.param("F02", {"tax": "1.00"}, {}, "tax", id="an unknown amount"),
        pytest.param("F02", {"payable": "1.00"}, {"plan": "p:1"}, "p:1", id="a colon in a name"),
        pytest.param("F02", {"payable": "1.00"}, {"plan": ""}, "plan", id="an empty name"),
        pytest.param("F02", {"payable": "-1.00"}, {}, "negative", id="a negative amount"),
    ],
)
def test_what_the_map_does_not_have_is_refused_by_name(
    flow: str, amounts: dict[str, str], names: dict[str, str], says: str
) -> None:
    with pytest.raises(NotOnTheMap, match=says):
        a_journal(flow, amounts=amounts, names=names)


def test_a_missing_name_is_refused() -> None:
    names = {name: value for name, value in NAMES.items() if name != "merchant"}
    with pytest.raises(NotOnTheMap, match="merchant"):
        journal(
            "F02",
            key="o-1",
            value_date=DAY,
            occurred_at=NOON,
            recorded_at=NOON,
            correlation={},
            amounts={"payable": pounds("1.00")},
            names=names,
        )


def test_amounts_of_two_currencies_do_not_share_a_step() -> None:
    with pytest.raises(ValueError, match="cannot be combined"):
        a_journal("F02", amounts={"payable": pounds("95.00"), "discount": crowns("5.00")})


def _moved(written: Journal, *transfers: Transfer) -> Journal:
    return replace(written, transfers=transfers)


def test_a_journal_made_by_hand_is_held_to_the_map_too() -> None:
    purchase = a_purchase()
    money = pounds("1.00")

    admit(purchase, held=False)
    for off_the_map in (
        _moved(purchase, Transfer("bank:main", PRINCIPAL, money)),
        _moved(purchase, Transfer(PAYABLE, PRINCIPAL, money)),
        _moved(purchase, Transfer(PRINCIPAL, "merchant:m-1:purse", money)),
        replace(purchase, flow="F99"),
    ):
        with pytest.raises(NotOnTheMap):
            admit(off_the_map, held=False)


def test_a_claim_cannot_be_posted_and_a_purchase_cannot_be_held() -> None:
    with pytest.raises(NotOnTheMap):
        admit(a_claim(), held=False)
    with pytest.raises(NotOnTheMap):
        admit(a_purchase(), held=True)


def test_a_journal_that_leaves_something_in_flight_is_refused() -> None:
    whole = a_journal("F12b", amounts={"principal": "25.00"})

    with pytest.raises(NotOnTheMap, match="in_flight must be left at zero"):
        admit(_moved(whole, whole.transfers[0]), held=False, posts_hold=True)


def test_what_is_left_in_flight_of_one_currency_is_not_made_up_for_by_another() -> None:
    first, second = a_journal("F12b", amounts={"principal": "25.00"}).transfers
    whole = a_journal("F12b", amounts={"principal": "25.00"})
    in_crowns = replace(second, amount=crowns("25.00"))

    with pytest.raises(NotOnTheMap, match="in_flight must be left at zero"):
        admit(_moved(whole, first, in_crowns), held=False, posts_hold=True)


def test_nothing_moves_by_zero_or_from_an_account_to_itself() -> None:
    for debit, amount in ((PRINCIPAL, Money(0, pounds("0").currency)), (PRINCIPAL, pounds("-1.00"))):
        with pytest.raises(TransferFault):
            Transfer(debit, PAYABLE, amount)
    with pytest.raises(TransferFault):
        Transfer(PAYABLE, PAYABLE, pounds("1.00"))
