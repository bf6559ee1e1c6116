"""A payout as GoCardless and Stripe report it reconciles as our own form of a settlement file does."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_contracts.files import FileFault
from lending.plan.plan import Plan
from payments.break_class import BreakClass
from payments.collection.attempt import AttemptState
from payments.files.control_file import FileContent
from payments.files.provider_report import read_provider_report
from tests.payments.outside import (
    CAPITAL,
    CLEARING,
    Outside,
    collected,
    pay_capital_in,
    reconciled,
)
from tests.payments.plans import an_open_plan, first_due, posted, the_adapters

Row = dict[str, str]
Form = Callable[[list[Row]], Any]
DAY = "2026-03-02"


def in_gocardless(rows: list[Row]) -> Any:
    """Rows of one payout as two recorded pages; half a penny of the fee is not paid for."""
    types = {
        "capture": ("payment_paid_out", "payment"),
        "return": ("payment_failed", "payment"),
        "refund": ("refund", "refund"),
    }
    (out,) = [row for row in rows if row["kind"] == "payout"]
    items = [
        {
            "amount": f"{row['amount_minor']}.0",
            "type": types[row["kind"]][0],
            "links": {types[row["kind"]][1]: row["reference"]},
        }
        for row in rows
        if row["kind"] in types
    ]
    fees = [row for row in rows if row["kind"] == "fee"]
    items += [{"amount": f"{int(row['amount_minor'])}.4", "type": "gocardless_fee", "links": {}} for row in fees]
    payout = {
        "id": "PO1", "amount": -int(out["amount_minor"]), "currency": out["currency"], "status": "paid",
        "created_at": f"{out['booked_on']}T09:00:00.000Z", "reference": out["payout_id"], "links": {"creditor": "CR1"},
    }  # fmt: skip
    return {"payout": {"body": {"payouts": payout}}, "items": {"body": {"payout_items": items, "meta": {}}}}


def in_stripe(rows: list[Row]) -> Any:
    """Rows of one payout as the list of its balance transactions; the fee is a part of the first charge."""
    types = {"capture": "charge", "return": "payment_failure_refund", "refund": "refund", "payout": "payout"}
    fee = -sum(int(row["amount_minor"]) for row in rows if row["kind"] == "fee")
    found = []
    for number, row in enumerate(row for row in rows if row["kind"] in types):
        of_it, minor = (fee if number == 0 else 0), int(row["amount_minor"])
        second = int(datetime.fromisoformat(row["booked_on"]).replace(hour=9, tzinfo=UTC).timestamp())
        found.append(
            {
                "object": "balance_transaction", "id": f"txn_{number}", "type": types[row["kind"]], "amount": minor,
                "fee": of_it, "net": minor - of_it, "currency": row["currency"].lower(), "status": "available",
                "source": row["payout_id"] if row["kind"] == "payout" else row["reference"], "created": second,
                "available_on": second, "fee_details": [],
            }
        )  # fmt: skip
    return {"object": "list", "has_more": False, "data": found}


def rewritten(path: Path, form: Form) -> Path:
    """The provider's file in another form, instead of its own."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    other = path.with_suffix(".json")
    other.write_text(json.dumps(form(rows)), encoding="utf-8")
    path.unlink()
    return other


FORMS = [pytest.param(in_gocardless, id="gocardless"), pytest.param(in_stripe, id="stripe")]


def two_plans(ports: Any, outside: Outside) -> list[Plan]:
    plans = [an_open_plan(ports, number) for number in (1, 2)]
    pay_capital_in(ports, first_due(plans[0]))
    collected(ports, first_due(plans[0]))
    return plans


@pytest.mark.parametrize("form", FORMS)
def test_a_payout_in_the_providers_own_form_is_matched_and_booked_in_full(
    database_url: str, tmp_path: Path, form: Form
) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1), "s-2": ("pays", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        plans = two_plans(ports, outside)
        due, gross = first_due(plans[0]), sum(plan.instalments[0].amount.minor for plan in plans)
        (settlement,) = outside.end(due)
        own = rewritten(settlement, form)

        first = reconciled(ports, [own], due)
        again = reconciled(ports, [own], due)
        outside.end(due + timedelta(days=1))
        second = reconciled(ports, sorted(outside.inbox.glob("*.csv")), due + timedelta(days=1))

        assert (first.lines, first.matched_by_id, first.unmatched, first.breaks) == (4, 4, 0, {})
        assert again.files_taken_before == (own.name,)
        assert (second.lines, second.matched_by_id, second.open_expectations) == (1, 1, 0)
        assert posted(ports, CLEARING) == 0
        assert posted(ports, "bank:main") == CAPITAL.minor + gross - posted(ports, "exp:provider_fee")
        assert posted(ports, "exp:provider_fee") > 0
        assert ports.attempts.counts() == {AttemptState.SETTLED: 2}
        assert ports.ledger.trial_balance().balanced


def a_payout(form: Form, *rows: tuple[str, str, int], fee: int = 50) -> Any:
    """A payout of rows as (kind, reference, amount), which makes itself up."""
    total = sum(minor for _, _, minor in rows)
    about = {"currency": "GBP", "booked_on": DAY, "payout_id": "po-1"}
    made = [{**about, "kind": kind, "reference": of, "amount_minor": str(minor)} for kind, of, minor in rows]
    made.append({**about, "kind": "fee", "reference": "", "amount_minor": str(-fee)})
    made.append({**about, "kind": "payout", "reference": "", "amount_minor": str(fee - total)})
    return form(made)


def lines_of(folder: Path, tree: Any) -> list[tuple[str, str | None, int]]:
    path = folder / "report.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    parsed = read_provider_report(FileContent.of(path), 10**6, lambda _: {}, lambda _: {})
    return [(line.kind.value, None if line.key is None else str(line.key), line.amount.minor) for line in parsed.lines]


@pytest.mark.parametrize("form", FORMS)
def test_each_movement_is_a_line_and_what_we_do_not_know_keeps_the_providers_id(tmp_path: Path, form: Form) -> None:
    tree = a_payout(form, ("capture", "PM1", 30_00), ("return", "PM0", -5_00), ("refund", "RF1", -2_00))

    assert lines_of(tmp_path, tree) == [
        ("capture", "capture:PM1", 30_00),
        ("return", "return:PM0", 5_00),
        ("refund", "refund:RF1", 2_00),
        ("fee", None, 50),
        ("payout", "payout:po-1", 22_50),
    ]


def _gocardless(change: Callable[[Any, Any], None]) -> Any:
    tree = a_payout(in_gocardless, ("capture", "PM1", 30_00))
    change(tree["payout"]["body"]["payouts"], tree["items"]["body"]["payout_items"])
    return tree


def _stripe(change: Callable[[Any], None]) -> Any:
    tree = a_payout(in_stripe, ("capture", "ch_1", 30_00))
    change(tree)
    return tree


REFUSED = [
    ("payouts[0].amount", _gocardless(lambda payout, _: payout.update(amount=29_00))),
    ("payouts[0].status", _gocardless(lambda payout, _: payout.update(status="bounced"))),
    ("payouts[0].created_at", _gocardless(lambda payout, _: payout.pop("created_at"))),
    ("payout_items[0].type", _gocardless(lambda _, items: items[0].update(type="refund_funds_returned"))),
    ("payout_items[0].amount", _gocardless(lambda _, items: items[0].update(amount="2999.5"))),
    ("payout_items[0].links.payment", _gocardless(lambda _, items: items[0].update(links={}))),
    ("payouts", {"payout_items": []}),
    ("(file)", {"payments": []}),
    ("has_more", _stripe(lambda tree: tree.update(has_more=True))),
    ("object[1].net", _stripe(lambda tree: tree["data"][1].update(net=-1, amount=-1))),
    ("object[0].net", _stripe(lambda tree: tree["data"][0].update(net=1))),
    ("object[0].type", _stripe(lambda tree: tree["data"][0].update(type="topup"))),
    ("object[0].currency", _stripe(lambda tree: tree["data"][0].update(currency="eur"))),
    ("object[0].source", _stripe(lambda tree: tree["data"][0].update(source=None))),
    ("type", _stripe(lambda tree: tree["data"].pop())),
]


@pytest.mark.parametrize(("field", "tree"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_report_that_is_not_one_whole_payout_is_refused_with_its_field(tmp_path: Path, field: str, tree: Any) -> None:
    with pytest.raises(FileFault) as caught:
        lines_of(tmp_path, tree)

    assert caught.value.field == field


def test_a_refused_report_is_e22_and_a_charge_that_we_do_not_know_is_e4(database_url: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / "a.json", tmp_path / "b.json"
    whole.write_text(json.dumps(a_payout(in_stripe, ("capture", "ch_1", 30_00), fee=62)), encoding="utf-8")
    cut.write_text(json.dumps(_stripe(lambda tree: tree.update(has_more=True))), encoding="utf-8")
    with the_adapters(database_url) as ports:
        day = datetime.fromisoformat(DAY).date()

        report = reconciled(ports, [cut, whole], day, loudly=False)

        assert dict(report.breaks) == {BreakClass.MISSING_INTERNAL: 1, BreakClass.FILE_FAULT: 1}
        assert (report.files_taken, report.lines) == (("a.json",), 3)
