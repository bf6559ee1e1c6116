"""Acts as a person types them: shown before, done, repeated, approved by another, and many from a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from ledger.books.store import Conflict
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import PrincipalFault, add_principal
from ledger.money import Money
from lending.__main__ import app
from lending.acts.act import ACTS, NOT_BY_HAND, Effect
from lending.acts.arguments import ArgumentFault
from lending.acts.look import QuoteFault
from lending.acts.perform import UnknownAct
from lending.plan.event import Cancelled, PaidOff, PaymentChannel
from lending.plan.refuse import TAKEN_IN
from lending.servicing.record_events import UnknownPlan
from terminal.command_line import command_of
from tests.command_line import acts_of
from tests.lending.acts.cases import CASES, OTHER, PLAN
from tests.lending.acts.counter import Connection, Counter, counter_over, noon
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import Desk, an_event, day

lending = acts_of("lending")


class Terminal:
    """Two people at a terminal: `ann` proposes, `bob` approves."""

    def __init__(self, counter: Counter, keys: dict[str, str], patch: pytest.MonkeyPatch, out: Any) -> None:
        self.counter = counter
        self._keys, self._patch, self._out = keys, patch, out

    def types(self, *words: str, by: str = "ann") -> tuple[int, str]:
        self._patch.setenv("TRANCHE_KEY", self._keys[by])
        code = lending(["plan", *words])
        return code, self._out.readouterr().out

    def answer(self, *words: str, by: str = "ann") -> dict[str, Any]:
        code, out = self.types(*words, "--json", by=by)
        tree: dict[str, Any] = json.loads(out)
        return {**tree, "exit": code}

    def act(self, act: str, *words: str, by: str = "ann") -> dict[str, Any]:
        return self.answer(act, PLAN.plan_id, "--reason", "they called", *words, by=by)


@pytest.fixture
def terminal(
    connection: Connection,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Terminal:
    clock = tmp_path / "clock"
    clock.write_text(noon(5).isoformat())
    monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(clock))
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    counter = counter_over(connection)
    principals = PostgresPrincipals(connection)
    keys = {
        name: add_principal(f"{name}-at-desk", role, expires_at=None, principals=principals, at=noon(0))
        for name, role in (("ann", "servicing"), ("bob", "credit-risk"), ("carol", "credit-risk"), ("eve", "agent"))
    }
    connection.commit()
    return Terminal(counter, keys, monkeypatch, capsys)


def open_plans(terminal: Terminal, *plans: Any) -> None:
    terminal.counter.desk.open(*(plans or (PLAN,)))
    terminal.counter.connection.commit()


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_shown_first_then_done_and_a_second_time_changes_nothing(terminal: Terminal, act: str) -> None:
    case = CASES[act]
    case.before(terminal.counter)
    terminal.counter.connection.commit()
    by = "carol" if act in ("charge-off", "write-off") else "ann"
    words = (act, case.plan.plan_id, "--reason", "they called", *case.words)

    shown = terminal.answer(*words, "--preview", by=by)
    first = terminal.answer(*words, by=by)
    if ACTS[act].effect is Effect.NEITHER:
        done = first
    else:
        assert (first["status"], first["because"]) == ("proposed", [f"{act} {ACTS[act].effect}"])
        done = terminal.answer("approve", first["proposal_id"], by="bob")
    again = terminal.answer(*words, by=by)

    assert (done["status"], done["new"], done["exit"]) == ("done", True, 0)
    assert done["arguments"] == dict(case.tree)
    assert (done["by"], done["reason"]) == (f"{by}-at-desk", "they called")
    assert [each["entry_id"] for each in shown["posted"]] == done["posted"]
    assert shown["reversed"] == done["reversed"]
    assert again == {**done, "new": False}
    looked = terminal.answer("show", case.plan.plan_id)
    assert looked["instalments"] == shown["after"]["instalments"]
    assert looked["acts"][-1] == {name: done[name] for name in looked["acts"][-1]}
    assert looked["events"][-1]["event_id"] == done["events"][0]


def test_an_act_says_what_it_understood_and_did(terminal: Terminal) -> None:
    open_plans(terminal)

    _, shown = terminal.types("goodwill", PLAN.plan_id, "--amount", "10.00 GBP", "--reason", "sorry", "--preview")
    _, proposed = terminal.types("goodwill", PLAN.plan_id, "--amount", "10.00 GBP", "--reason", "sorry", "--key", "g-1")
    _, listed = terminal.types("proposals")
    _, done = terminal.types("approve", "ann-at-desk.g-1", by="bob")
    _, looked = terminal.types("show", PLAN.plan_id)

    assert "goodwill on p-d-1, amount 10.00 GBP, counted from 2026-01-15: a preview, nothing is done" in shown
    assert "needs a second person: goodwill forgives money" in shown
    assert "10.00 GBP  debit" in shown
    assert "tranche lending plan approve ann-at-desk.g-1" in proposed
    assert "ann-at-desk.g-1: goodwill on p-d-1 by ann-at-desk: sorry" in listed
    assert "done by ann-at-desk, approved by bob-at-desk; it counts from 2026-01-15" in done
    assert "ann-at-desk.g-1: goodwill by ann-at-desk, approved by bob-at-desk: sorry" in looked
    assert "it can take: reschedule, re-age, re-amortise" in looked


@pytest.mark.parametrize("kind", NOT_BY_HAND)
def test_what_says_that_money_moved_is_refused_with_who_records_it(terminal: Terminal, kind: str) -> None:
    open_plans(terminal)

    with pytest.raises(UnknownAct) as refused:
        terminal.types(kind.replace("_", "-"), PLAN.plan_id, "--amount", "10.00 GBP", "--reason", "it was paid")

    assert "records it" in refused.value.user_message
    assert terminal.counter.desk.standing(PLAN).version == 1


@pytest.mark.parametrize("amount", ["10", "10.0 GBP", "10.00 gbp", "10.00", "GBP 10.00", "1,000.00 GBP", "010.00 GBP"])
def test_money_is_written_in_one_form(terminal: Terminal, amount: str) -> None:
    open_plans(terminal)

    with pytest.raises(ArgumentFault, match=r'is not an amount such as "50\.00 GBP"'):
        terminal.act("refund", "--amount", amount)


def test_a_quote_settles_the_plan_on_its_day(terminal: Terminal) -> None:
    plan = a_plan("1000.00", months=6, rate=1200)
    open_plans(terminal, plan)

    today = terminal.answer("quote", plan.plan_id)
    later = terminal.answer("quote", plan.plan_id, "--on", day(20).isoformat())

    assert today["on"] == day(5).isoformat()
    assert later["interest_minor"] > today["interest_minor"] > 0
    desk = terminal.counter.desk
    amount = Money(later["amount_minor"], plan.currency)
    paid_off = PaidOff(amount, PaymentChannel.SHOPPER, "x-1", provider="sim", rail="card")
    desk.take(an_event(plan, "paid:x-1", day(20), paid_off))
    assert desk.standing(plan).status == "paid"
    with pytest.raises(QuoteFault, match="before p-d-1 was opened"):
        terminal.answer("quote", plan.plan_id, "--on", day(-1).isoformat())
    with pytest.raises(UnknownPlan):
        terminal.answer("quote", "p-nothing")


def test_show_lists_what_the_plan_can_take_from_the_table_that_refuses(terminal: Terminal) -> None:
    desk = terminal.counter.desk
    desk.plans.open(PLAN)
    terminal.counter.connection.commit()
    agreed = terminal.answer("show", PLAN.plan_id)
    open_plans(terminal, OTHER)
    opened = terminal.answer("show", OTHER.plan_id)

    assert agreed["status"] == "agreed"
    assert {ACTS[name].event for name in agreed["allowed"]} == {
        act.event
        for act in ACTS.values()
        if agreed["status"] in TAKEN_IN[act.event] and act.name not in ("unfreeze", "reverse")
    }
    assert agreed["not_now"]["unfreeze"] == "the plan is not frozen"
    assert agreed["not_now"]["reverse"] == "the plan has nothing to reverse"
    assert agreed["not_now"]["charge-off"] == "the plan is agreed"
    assert {*agreed["allowed"], *agreed["not_now"]} == set(ACTS)
    assert opened["not_now"]["change-rate"] == "pay-in-3-1 has no day count to compute interest with"
    assert opened["not_now"]["waive-fee"] == "the plan has nothing to waive fee"
    assert "waive-interest" in opened["not_now"]
    assert "cancel" in agreed["allowed"]
    assert "freeze" in opened["allowed"]
    assert "unfreeze" not in opened["allowed"]
    assert "cancel" not in opened["allowed"], f"{Cancelled.__name__} is taken by an open plan, but nothing is left"


def test_without_a_key_a_local_runtime_acts_as_its_own_principal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_plans(terminal)
    monkeypatch.delenv("TRANCHE_KEY", raising=False)
    capsys.readouterr()

    assert lending(["plan", "freeze", PLAN.plan_id, "--reason", "they called", "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["by"] == "local"
    monkeypatch.setenv("TRANCHE_KEY", "trk_wrong")
    with pytest.raises(PrincipalFault, match="no principal has this key"):
        lending(["plan", "unfreeze", PLAN.plan_id, "--reason", "they called"])


def test_what_is_not_done_ends_with_a_code_and_the_reasons(terminal: Terminal) -> None:
    open_plans(terminal)

    refused = terminal.act("refund", "--amount", "90.01 GBP")
    stranger = terminal.act("refund", "--amount", "10.00 GBP", by="eve")
    proposed = terminal.act("goodwill", "--amount", "10.00 GBP")
    own = terminal.answer("approve", proposed["proposal_id"], by="ann")

    assert (refused["status"], refused["exit"]) == ("refused", 1)
    assert refused["reasons"][0]["code"] == "beyond_the_purchase"
    assert (stranger["status"], stranger["exit"]) == ("not_allowed", 1)
    assert (own["exit"], own["reasons"][0]["code"]) == (1, "same-person")
    terminal.act("freeze", "--key", "k-1")
    with pytest.raises(Conflict, match="reason"):
        terminal.answer("freeze", PLAN.plan_id, "--reason", "another", "--key", "k-1")


def test_a_proposal_is_withdrawn_by_command(terminal: Terminal) -> None:
    open_plans(terminal)
    proposed = terminal.act("goodwill", "--amount", "10.00 GBP")
    words = ("withdraw", proposed["proposal_id"], "--reason", "a wrong plan")

    other = terminal.answer(*words, by="bob")
    first, again = terminal.answer(*words), terminal.answer(*words)
    approved = terminal.answer("approve", proposed["proposal_id"], by="bob")

    assert (other["exit"], other["reasons"][0]["code"]) == (1, "not-proposer")
    assert (first["status"], first["new"], first["withdrawn_because"]) == ("withdrawn", True, "a wrong plan")
    assert again == {**first, "new": False}
    assert (approved["exit"], approved["reasons"][0]["code"]) == (1, "proposal-withdrawn")
    assert terminal.answer("proposals")["proposals"] == []
    assert "goodwill on p-d-1 is withdrawn by ann-at-desk before" in terminal.types(*words)[1]


def test_an_argument_that_is_missing_or_unknown_is_named(terminal: Terminal) -> None:
    open_plans(terminal)

    with pytest.raises(TyperException, match="amount"):
        terminal.types("goodwill", PLAN.plan_id, "--reason", "x")
    with pytest.raises(TyperException, match="reason"):
        terminal.types("freeze", PLAN.plan_id)
    with pytest.raises(TyperException, match="--colour"):
        terminal.types("freeze", PLAN.plan_id, "--reason", "x", "--colour", "red")
    with pytest.raises(typer.BadParameter, match="judge"):
        terminal.types("settle-dispute", PLAN.plan_id, "--case-id", "c", "--winner", "judge", "--reason", "x")


def test_one_act_on_the_plans_of_a_file_and_the_file_again(terminal: Terminal, tmp_path: Path) -> None:
    open_plans(terminal, PLAN, OTHER)
    file, out = tmp_path / "refunds.csv", tmp_path / "answers.csv"
    rows = [
        "plan_id,amount,reason,value_date,key",
        f"{PLAN.plan_id},10.00 GBP,,,",
        f"{PLAN.plan_id},10.00 GBP,,,",
        f"{PLAN.plan_id},10.00 GBP,returned twice,2026-01-14,second",
        f"{OTHER.plan_id},60.01 GBP,,,",
        "p-nothing,10.00 GBP,,,",
        f"{OTHER.plan_id},10 pounds,,,",
        f"{OTHER.plan_id},5.00 GBP,,2026-01-16,",
        f"{OTHER.plan_id},20.00 GBP,,,",
    ]
    file.write_text("\n".join(rows) + "\n")
    words = ("bulk", "refund", "--file", str(file), "--reason", "recall of the toy", "--key", "recall-7")

    shown = terminal.answer(*words, "--preview")
    first = terminal.answer(*words, "--out", str(out))
    again = terminal.answer(*words)

    assert shown["statuses"] == {"would_do": 4, "refused": 1, "wrong": 3}, "rows do not see each other in a preview"
    assert [row["status"] for row in first["rows"]] == [
        "done", "again", "done", "refused", "wrong", "wrong", "wrong", "done",
    ]  # fmt: skip
    assert first["exit"] == 1
    assert "beyond_the_purchase" in first["rows"][3]["detail"]
    assert "no plan p-nothing" in first["rows"][4]["detail"]
    assert "value_date" in first["rows"][6]["detail"]
    assert again["statuses"] == {"again": 4, "refused": 1, "wrong": 3}
    assert terminal.answer(*words, "--preview")["statuses"] == again["statuses"]
    assert out.read_text().splitlines()[1].startswith(f"2,{PLAN.plan_id},done,ann-at-desk.recall-7.")
    acts = terminal.answer("show", PLAN.plan_id)["acts"]
    assert [act["reason"] for act in acts] == ["recall of the toy", "returned twice"]
    assert Desk.over(terminal.counter.connection).standing(OTHER).version == 2


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("plan_id,amount,colour\n", "column colour is unknown"),
        ("amount\n10.00 GBP\n", "plan_id is missing"),
        ("plan_id,amount,amount\n", "a column occurs twice"),
        ("", "plan_id is missing"),
    ],
)
def test_a_file_whose_columns_do_not_fit_is_refused_whole(
    terminal: Terminal, tmp_path: Path, text: str, trouble: str
) -> None:
    file = tmp_path / "acts.csv"
    file.write_text(text)

    from lending.acts.act_file import ActFileFault

    with pytest.raises(ActFileFault, match=trouble):
        terminal.types("bulk", "refund", "--file", str(file), "--reason", "x", "--key", "k")
    with pytest.raises(UnknownAct):
        terminal.types("bulk", "gift", "--file", str(file), "--reason", "x", "--key", "k")


def test_every_act_is_a_command_with_every_argument() -> None:
    group = command_of(app)
    assert isinstance(group, TyperGroup)
    plan = group.commands["plan"]
    assert isinstance(plan, TyperGroup)

    assert {*ACTS, *(kind.replace("_", "-") for kind in NOT_BY_HAND)} <= plan.commands.keys()
    for name, act in ACTS.items():
        options = {option for each in plan.commands[name].params for option in _options(each.opts)}
        assert {f"--{each.name.replace('_', '-')}" for each in act.arguments} <= options
        assert {"--reason", "--key", "--preview", "--on"} <= options
        assert plan.commands[name].help == act.meaning


def _options(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.startswith("--")]
