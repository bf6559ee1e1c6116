"""What people do about breaks: each act with its actor, reason and event, two people where they are needed."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from ledger.account import Side
from ledger.books.store import Conflict
from lending.plan.event import PlanEvent, Reversed
from lending.terms.product import Product
from payments.break_desk.perform_desk_act import DeskActProposed, DeskActRefused, UnknownBreak
from payments.collection.attempt import AttemptState
from payments.files.control_file import write_controlled
from payments.wiring import Adapters
from simulation.provider import SettlementRow
from tests.payments.acts import record_on_plan
from tests.payments.break_desk.desk import ANN, EVE, act, approved, done, events, standing_of, with_people
from tests.payments.merchants.test_pay_merchants import paid, sold
from tests.payments.outside import Outside, at, collected, reconciled
from tests.payments.plans import an_open_plan, first_due, open_items, posted, rows, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, stated
from tests.payments.reconciliation.test_reconcile import paying

SUSPENSE = "suspense:unapplied"
NEXT = DAY + timedelta(days=1)
CREDIT = "line:credit:main/2026-1/{:04}"


def suspended(ports: Adapters, folder: Path, *amounts: tuple[int, str], day: date = DAY) -> list[str]:
    """Lines that nothing identifies, each with its break."""
    with_people(ports)
    reconciled(ports, [stated(folder / "b.csv", *amounts)], day)
    return [row[0] for row in rows(ports, "SELECT break_id FROM payments.breaks ORDER BY break_id")]


def test_money_is_matched_by_hand_by_two_people_and_unmatched_to_the_state_before(
    database_url: str, tmp_path: Path
) -> None:
    """A credit pays the plan that a person names; undone, books, lists and plan are as they were, again and again."""
    with the_adapters(database_url) as ports:
        plan, other = (an_open_plan(ports, number, product=Product.PAY_IN_30_DAYS, months=1) for number in (1, 2))
        due = first_due(plan)
        amount = plan.instalments[0].amount.minor
        (break_id,) = suspended(ports, tmp_path, (amount, "thanks"), day=due)
        before = standing_of(ports, due)

        asked = act(ports, due, "match", break_id, key="m-1", plan_id=plan.plan_id)
        assert isinstance(asked, DeskActProposed)
        assert standing_of(ports, due) == before, "a proposal changes nothing"
        assert isinstance(approved(ports, due, asked, by=ANN), DeskActRefused), "not the same person"
        assert isinstance(approved(ports, due, asked, by=EVE), DeskActRefused), "not her role"
        matched = done(approved(ports, due, asked))
        assert (matched.act.principal_id, matched.act.approved_by, matched.act.still_open) == ("ann", "ben", False)
        assert posted(ports, SUSPENSE, Side.CREDIT) == 0
        assert not [each for each in ports.plans.due(due) if each.plan.plan_id == plan.plan_id]
        assert done(approved(ports, due, asked)).new is False

        for number, target in enumerate((other, plan), 2):
            done(act(ports, due, "unmatch", break_id, key=f"u-{number}"))
            assert standing_of(ports, due) == before
            again = act(ports, due, "match", break_id, key=f"m-{number}", plan_id=target.plan_id)
            done(approved(ports, due, again))
            assert [each.plan.plan_id for each in ports.plans.due(due)] == [
                each.plan_id for each in (plan, other) if each is not target
            ]
            assert posted(ports, SUSPENSE, Side.CREDIT) == 0
        reconciled(ports, [], due)
        assert ports.ledger.trial_balance().balanced
        assert open_items(database_url, ports).faults == ()
        told = [event for event, _ in events(ports, break_id)]
        assert told == ["raised", *["matched", "closed", "unmatched", "reopened"] * 2, "matched", "closed"]
        assert {actor for event, actor in events(ports, break_id)[1:]} == {"ann"}


def test_what_nobody_claims_is_worked_off_and_a_charge_is_taken(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports:
        big, small, charge = suspended(ports, tmp_path, (300_00, "who"), (-3_00, "fee"), (7_00, "thanks"))
        before = standing_of(ports, DAY)
        done(act(ports, NEXT, "write-off", small, key="w-1"))
        done(act(ports, NEXT, "write-off", charge, key="w-2"))
        proposed = act(ports, NEXT, "write-off", big, key="w-3")
        assert isinstance(proposed, DeskActProposed)
        assert proposed.proposal.because == ("300.00 GBP is beyond what the role reconciliation may write-off alone",)
        done(approved(ports, NEXT, proposed))

        assert posted(ports, "unclaimed:property", Side.CREDIT) == 307_00
        assert posted(ports, "exp:provider_fee") == 3_00
        assert (posted(ports, SUSPENSE, Side.CREDIT), posted(ports, "suspense:debits")) == (0, 0)
        assert standing_of(ports, DAY).open_breaks == []
        quiet = reconciled(ports, [], NEXT)
        assert (quiet.breaks, quiet.unmatched, quiet.banks_unequal) == ({}, 0, 0)
        for number, each in enumerate((big, charge, small)):
            undone = act(ports, NEXT, "unmatch", each, key=f"u-{number}")
            done(approved(ports, NEXT, undone) if isinstance(undone, DeskActProposed) else undone)
        assert standing_of(ports, DAY) == before
        done(act(ports, NEXT, "write-off", small, key="w-9"))
        assert posted(ports, "unclaimed:property", Side.CREDIT) == 7_00


def test_unidentified_money_goes_back_to_its_sender_and_leaves_suspense_when_the_bank_shows_it(
    database_url: str, tmp_path: Path
) -> None:
    with the_adapters(database_url) as ports:
        (break_id,) = suspended(ports, tmp_path, (45_00, "who"))
        done(act(ports, NEXT, "return", break_id, key="r-1"))
        ((reference, payee, minor),) = rows(
            ports, "SELECT payout_id, payee_id, amount_minor FROM payments.payout_orders WHERE batch_id IS NULL"
        )
        assert (payee, minor, len(reference) <= 15) == ("XY LTD", 45_00, True)
        assert posted(ports, SUSPENSE, Side.CREDIT) == 45_00, "it is still here"
        assert open_items(database_url, ports).faults == ()
        assert isinstance(act(ports, NEXT, "unmatch", break_id, key="u-1"), DeskActRefused)

        shown = stated(tmp_path / "c.csv", (-45_00, reference), number=2, opening=45_00)
        report = reconciled(ports, [shown], NEXT + timedelta(days=1))
        assert (report.breaks, report.unmatched, report.banks_unequal) == ({}, 0, 0)
        assert (posted(ports, SUSPENSE, Side.CREDIT), posted(ports, "bank:main")) == (0, 0)
        assert open_items(database_url, ports).faults == ()
        assert [event for event, _ in events(ports, break_id)] == ["raised", "returned", "closed"]


def test_a_break_is_assigned_accepted_and_becomes_graver_when_nobody_deals_with_it(
    database_url: str, tmp_path: Path
) -> None:
    with the_adapters(database_url) as ports:
        first, second = suspended(ports, tmp_path, (5_00, "who"), (6_00, "who else"))
        done(act(ports, NEXT, "assign", first, owner="treasury"))
        until = DAY + timedelta(days=20)
        done(act(ports, NEXT, "accept", first, until=until.isoformat()))
        assert isinstance(act(ports, NEXT, "accept", second, key="a-2", until="2027-03-10"), DeskActRefused)

        due = DAY + timedelta(days=5)
        severity = "SELECT break_id, severity FROM payments.breaks ORDER BY break_id"
        for day, grave in ((due, "medium"), (due + timedelta(days=1), "high"), (due + timedelta(days=6), "critical")):
            reconciled(ports, [], day)
            reconciled(ports, [], day)
            assert rows(ports, severity) == [(first, "medium"), (second, grave)]
        reconciled(ports, [], until + timedelta(days=1))
        assert events(ports, first) == [
            ("raised", "payments"), ("assigned", "ann"), ("accepted", "ann"), ("severity_raised", "payments"),
        ]  # fmt: skip
        aged = rows(ports, "SELECT event, on_day, severity FROM payments.break_events WHERE event = 'severity_raised'"
                           " ORDER BY on_day")  # fmt: skip
        assert [each[1:] for each in aged[:2]] == [
            (due + timedelta(days=1), "high"), (due + timedelta(days=6), "critical"),
        ]  # fmt: skip


def test_reprocessing_books_what_could_not_be_booked_before(database_url: str, tmp_path: Path) -> None:
    """A transfer that a rule matched and a person unmatched waits for a person; reprocessed, the rules take it."""
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports, product=Product.PAY_IN_30_DAYS, months=1)
        due, amount = first_due(plan), plan.instalments[0].amount.minor
        assert suspended(ports, tmp_path, (amount, plan.plan_id), day=due) == []
        line = CREDIT.format(1)
        before = ports.ledger.trial_balance().lines
        with pytest.raises(UnknownBreak):
            act(ports, due, "assign", line, owner="treasury")
        done(act(ports, due, "unmatch", line))
        reconciled(ports, [], due)
        assert posted(ports, SUSPENSE, Side.CREDIT) == amount, "the rules leave it to a person"
        assert rows(ports, "SELECT class FROM payments.breaks WHERE closed_on IS NULL") == [("E4",)]
        again = done(act(ports, due, "reprocess", line))
        assert (again.act.still_open, ports.ledger.trial_balance().lines) == (False, before)
        assert done(act(ports, due, "reprocess", line)).new is False
        assert isinstance(act(ports, due, "reprocess", line, key="once-more"), DeskActRefused)


def test_a_file_that_never_comes_undamaged_is_dismissed_and_money_off_the_chart_stays_unbooked(
    database_url: str, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.csv"
    damaged.write_text("no,such,file\n1,2,3\n")
    with the_adapters(database_url) as ports:
        with_people(ports)
        elsewhere = stated(tmp_path / "b.csv", (5_00, "who"), account="other")
        assert reconciled(ports, [damaged, elsewhere], DAY, loudly=False).breaks == {"E19": 1, "E22": 1}
        file, line = (row[0] for row in rows(ports, "SELECT break_id FROM payments.breaks ORDER BY class DESC"))
        done(act(ports, NEXT, "write-off", file))
        for name in ("write-off", "return"):
            refused = act(ports, NEXT, name, line, key=f"{name}-1")
            assert isinstance(refused, DeskActRefused)
            assert refused.code == "off-the-chart"
        assert reconciled(ports, [damaged], NEXT, loudly=False).breaks == {}, "the file is refused again, and dismissed"
        assert standing_of(ports, NEXT).open_breaks == [(line, "E19")]
        assert ports.ledger.trial_balance().lines == ()


def test_whoever_may_not_is_refused_and_a_key_stands_for_one_act(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports:
        first, second = suspended(ports, tmp_path, (5_00, "who"), (6_00, "who else"))
        refused = act(ports, NEXT, "write-off", first, by=EVE)
        assert isinstance(refused, DeskActRefused)
        assert refused.code == "not-in-role"
        done(act(ports, NEXT, "write-off", first, key="same"))
        with pytest.raises(Conflict):
            act(ports, NEXT, "write-off", second, key="same")
        closed = act(ports, NEXT, "return", first)
        assert isinstance(closed, DeskActRefused)
        assert closed.code == "closed"
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only by an act"):
            ports.database.execute("UPDATE payments.breaks SET owner = 'nobody' WHERE break_id = %s", (second,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not undone"):
            ports.database.execute("DELETE FROM payments.match_groups")
        with pytest.raises(psycopg.errors.CheckViolation, match="second_person"):
            ports.database.execute(
                "INSERT INTO payments.break_acts (act_id, break_id, act, principal_id, key, reason, asked, answer,"
                " recorded_at) VALUES ('x', %s, 'match', 'ann', 'k', 'why', '{}', '{}', now())", (second,)
            )  # fmt: skip


def test_a_payout_that_a_bank_names_wrongly_is_matched_by_hand_and_unmatched(database_url: str, tmp_path: Path) -> None:
    """The parts of a payout are booked again by its match with another credit, under ids of their own."""
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        with_people(ports)
        plan = an_open_plan(ports)
        due, bank = first_due(plan), tmp_path / "bank"
        bank.mkdir()
        collected(ports, due)
        (settlement,) = (each for each in outside.end(due) if "settlement" in each.name)
        reconciled(ports, [settlement], due)
        ((payout, net),) = rows(
            ports, "SELECT expectation_id, amount_minor FROM payments.expectations WHERE leg = 3 ORDER BY 1"
        )
        second = stated(bank / "2.csv", (net, "?"), number=2, opening=net)
        reconciled(ports, [stated(bank / "1.csv", (net, "SNDBX PAYM")), second], due)
        right, wrong = CREDIT.format(1), "line:credit:main/2026-2/0001"
        before = standing_of(ports, due)
        attempts = ports.attempts.counts()

        for number, line in enumerate((wrong, right, wrong)):
            asked = act(ports, due, "match", line, key=f"m-{number}", expectation=payout)
            done(approved(ports, due, asked))
            assert posted(ports, "provider:sandbox:clearing") == 0
            assert posted(ports, SUSPENSE, Side.CREDIT) == net
            assert ports.attempts.counts() == {AttemptState.SETTLED: 1}
            taken = act(ports, due, "match", right if line == wrong else wrong, key=f"n-{number}", expectation=payout)
            assert isinstance(taken, DeskActRefused)
            assert taken.code == "already-met"
            undone = act(ports, due, "unmatch", line, key=f"u-{number}")
            done(undone)
            assert (standing_of(ports, due), ports.attempts.counts()) == (before, attempts)
        report = reconciled(ports, [], due)
        assert (report.banks_unequal, open_items(database_url, ports).faults) == (0, ())
        done(approved(ports, due, act(ports, due, "match", right, key="m-9", expectation=payout)))
        assert posted(ports, "provider:sandbox:clearing") == 0
        assert (reconciled(ports, [], due).banks_unequal, open_items(database_url, ports).faults) == (0, ())


def test_what_a_capture_leaves_on_clearing_is_tolerated_up_to_the_caps(database_url: str, tmp_path: Path) -> None:
    """The provider pays two pounds too little, and never reports another capture, whose payment is taken back."""
    with the_adapters(database_url) as ports:
        with_people(ports)
        plans = [an_open_plan(ports, number) for number in (1, 2)]
        due, amount = first_due(plans[0]), plans[0].instalments[0].amount.minor
        first, second = (f"{plan.instalments[0].instalment_id}#1" for plan in plans)
        assert collected(ports, due).captured == 2
        parts = [("capture", amount - 2_00, first), ("payout", 2_00 - amount, "")]
        lines = [
            SettlementRow(f"p/{number}", kind, key, "", minor, "GBP", due.isoformat(), "po-1", "")
            for number, (kind, minor, key) in enumerate(parts, 1)
        ]
        settlement = tmp_path / "p.csv"
        write_controlled(settlement, tuple(SettlementRow.__dataclass_fields__), [asdict(line) for line in lines])
        reconciled(ports, [settlement], due)
        line = "line:capture:p/1"
        early = act(ports, due, "write-off", line, key="w-0")
        assert isinstance(early, DeskActRefused)
        assert early.code == "cash-awaited"

        late = due + timedelta(days=4)
        statement = stated(tmp_path / "b.csv", (amount - 2_00, "po-1"))
        assert reconciled(ports, [statement], late).breaks == {"E3": 1}
        done(act(ports, late, "write-off", line, key="w-1"))
        assert posted(ports, "exp:recon_diff") == 2_00

        never = f"expectation:capture:{second}"
        beyond = act(ports, late, "write-off", never, key="w-2")
        assert isinstance(beyond, DeskActRefused)
        assert beyond.code == "beyond-tolerance"
        taken_back = PlanEvent("mistake", plans[1].plan_id, late, *2 * [at(late)], "act", Reversed(f"paid:{second}"))
        with ports.transaction():
            record_on_plan(ports, [taken_back])
        done(act(ports, late, "write-off", never, key="w-3"))

        assert posted(ports, "provider:sandbox:clearing") == 0
        assert open_items(database_url, ports).faults == ()
        assert (reconciled(ports, [], late).breaks, standing_of(ports, late).open_breaks) == ({}, [("fee:po-1", "E8")])


def test_a_payout_to_a_merchant_that_the_bank_names_wrongly_is_matched_and_unmatched(
    database_url: str, tmp_path: Path
) -> None:
    with the_adapters(database_url) as ports:
        with_people(ports)
        sold(ports, 1, 95_00)
        paid(ports, tmp_path)
        ((payout, minor),) = rows(ports, "SELECT expectation_id, amount_minor FROM payments.expectations")
        reconciled(ports, [stated(tmp_path / "b.csv", (-minor, "damaged"))], DAY)
        (line,) = (row[0] for row in rows(ports, "SELECT break_id FROM payments.breaks"))
        before = standing_of(ports, DAY)
        for number in range(2):
            done(approved(ports, DAY, act(ports, DAY, "match", line, key=f"m-{number}", expectation=payout)))
            assert posted(ports, "suspense:debits") == posted(ports, "merchant:m-1:in_transit", Side.CREDIT) == 0
            assert open_items(database_url, ports).faults == ()
            done(act(ports, DAY, "unmatch", line, key=f"u-{number}"))
            assert standing_of(ports, DAY) == before
        shown = stated(tmp_path / "c.csv", (-minor, payout.partition(":")[2]), number=2, opening=-minor)
        assert reconciled(ports, [shown], DAY).breaks == {}
        assert posted(ports, "merchant:m-1:in_transit", Side.CREDIT) == 0
