"""What no flow covers takes two people, and the database itself holds them to it."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation, InsufficientPrivilege, IntegrityConstraintViolation

from ledger.books.free_form import (
    AlreadyApproved,
    Approval,
    ApprovedEntry,
    OtherProposal,
    ProposalFault,
    SamePerson,
    UnknownProposal,
    approve,
    propose,
    read_proposal,
)
from ledger.books.postgres import PostgresLedger
from ledger.books.postgres_proposals import PostgresProposals
from ledger.books.store import Act, Recorded, Refused, Request
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import PrincipalFault, add_principal
from ledger.map.flows import NotOnTheMap
from ledger.money import Currency
from tests.command_line import acts_of
from tests.ledger.builders import NOON, a_journal

main = acts_of("ledger")

Connection = psycopg.Connection[Any]
LATER = NOON + timedelta(hours=1)


def an_entry(amount: str = "12.50", **changes: Any) -> str:
    transfer = {"debit": "exp:goodwill", "credit": "bank:main", "currency": "GBP", "amount": amount}
    return json.dumps(
        {
            "proposal_id": "p-1",
            "value_date": "2026-01-10",
            "occurred_at": "2026-01-10T12:00:00+00:00",
            "correlation": {"ticket": "7"},
            "transfers": [transfer],
            **changes,
        }
    )


def _propose(connection: Connection, text: str | None = None, by: str = "ann", reason: str = "a gift") -> bool:
    return propose(text or an_entry(), by=by, reason=reason, at=NOON, proposals=PostgresProposals(connection))


def _approve(connection: Connection, by: str = "ben", proposal_id: str = "p-1") -> Approval:
    proposals, ledger = PostgresProposals(connection), PostgresLedger(connection)
    return approve(proposal_id, by=by, at=LATER, proposals=proposals, ledger=ledger)


def _spent(connection: Connection) -> int:
    return PostgresLedger(connection).balance("exp:goodwill", Currency.GBP).debits_posted


def test_an_entry_is_posted_once_a_second_person_approves_it(connection: Connection) -> None:
    assert _propose(connection)
    assert _spent(connection) == 0

    assert _approve(connection) == ApprovedEntry("p-1", Recorded("FREE:p-1"))
    assert _spent(connection) == 12_50
    entry = PostgresLedger(connection).entry("FREE:p-1")
    assert entry is not None
    assert entry.journal.recorded_at == LATER
    assert [each.approved_by for each in PostgresProposals(connection).all()] == ["ben"]


def test_approving_again_changes_nothing_and_says_who_did(connection: Connection) -> None:
    _propose(connection)
    _approve(connection)

    assert _approve(connection) == _approve(connection, by="cat") == AlreadyApproved("p-1", "ben")
    assert _spent(connection) == 12_50


@pytest.mark.parametrize("by", ["ann", "Ann", " ANN "])
def test_nobody_approves_their_own(connection: Connection, by: str) -> None:
    _propose(connection)

    assert _approve(connection, by=by) == SamePerson("p-1", "ann")
    assert _spent(connection) == 0


@pytest.mark.parametrize("by", ["ann", "Ann"])
def test_the_database_itself_refuses_one_person_in_both_roles(connection: Connection, by: str) -> None:
    _propose(connection)

    with pytest.raises(CheckViolation, match="two_people"):
        connection.execute("INSERT INTO ledger.approvals VALUES ('p-1', 'ann', %s, now())", (by,))


def test_the_database_itself_refuses_to_rename_who_proposed(connection: Connection) -> None:
    _propose(connection)

    with pytest.raises(ForeignKeyViolation):
        connection.execute("INSERT INTO ledger.approvals VALUES ('p-1', 'someone', 'ann', now())")


@pytest.mark.parametrize("proposed", [False, True])
def test_the_database_itself_refuses_a_free_form_entry_that_was_not_approved(
    connection: Connection, proposed: bool
) -> None:
    if proposed:
        _propose(connection)
    free = Request(Act.POST, read_proposal(an_entry(), at=NOON, where="x")[1], free=True)

    with pytest.raises(IntegrityConstraintViolation, match="FREE:p-1 is no free-form entry that two people agreed on"):
        PostgresLedger(connection).post_batch([free])


def test_what_is_posted_is_what_was_approved_to_the_letter(connection: Connection) -> None:
    _propose(connection)
    connection.execute("INSERT INTO ledger.approvals VALUES ('p-1', 'ann', 'ben', now())")
    dearer = Request(Act.POST, read_proposal(an_entry("13.50"), at=NOON, where="x")[1], free=True)

    with pytest.raises(IntegrityConstraintViolation, match="two people agreed on"):
        PostgresLedger(connection).post_batch([dearer])


def test_an_entry_under_the_name_of_another_flow_stays_refused(connection: Connection) -> None:
    journal = read_proposal(an_entry(), at=NOON, where="x")[1]

    with pytest.raises(NotOnTheMap, match="two people"):
        PostgresLedger(connection).post(journal)
    capital = Request(Act.POST, a_journal("F49", amounts={"capital": "1.00"}), free=True)
    with pytest.raises(NotOnTheMap, match="is no free-form entry"):
        PostgresLedger(connection).post_batch([capital])


def test_limits_hold_for_free_form_entries_too(connection: Connection) -> None:
    transfer = {"debit": "exp:goodwill", "credit": "plan:p-1:principal", "currency": "GBP", "amount": "1.00"}
    _propose(connection, an_entry(transfers=[transfer]))

    answer = _approve(connection)

    assert isinstance(answer, ApprovedEntry)
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.reasons[0].about == "plan:p-1:principal"


def test_a_proposal_comes_again_and_a_changed_one_takes_a_new_id(connection: Connection) -> None:
    assert _propose(connection)
    assert not _propose(connection)
    _approve(connection)
    assert not _propose(connection)

    for changed in ({"text": an_entry("13.50")}, {"by": "cat"}, {"reason": "another"}):
        with pytest.raises(OtherProposal):
            _propose(connection, **changed)
    with pytest.raises(UnknownProposal):
        _approve(connection, proposal_id="p-2")


def test_of_two_approvers_at_once_one_posts(database_url: str, connection: Connection) -> None:
    _propose(connection)
    connection.commit()
    together = threading.Barrier(8)

    def one(number: int) -> Approval:
        with psycopg.connect(database_url) as own:
            together.wait()
            return _approve(own, by=f"approver-{number}")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))

    posted = [answer for answer in answers if isinstance(answer, ApprovedEntry)]
    assert [answer.outcome for answer in posted] == [Recorded("FREE:p-1")]
    assert len({answer.approved_by for answer in answers if isinstance(answer, AlreadyApproved)}) == 1
    assert _spent(connection) == 12_50


@pytest.mark.parametrize("table", ["proposals", "approvals"])
@pytest.mark.parametrize("change", ["UPDATE ledger.{} SET proposed_by = 'eve'", "DELETE FROM ledger.{}"])
def test_the_application_changes_nothing_afterwards(connection: Connection, table: str, change: str) -> None:
    _propose(connection)
    _approve(connection)
    connection.execute("SET ROLE tranche_application")

    with pytest.raises(InsufficientPrivilege):
        connection.execute(change.format(table))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("{", "line 1", id="not JSON"),
        pytest.param("[]", r"\(entry\)", id="no object"),
        pytest.param(an_entry(note="x"), "'note'", id="an unknown field"),
        pytest.param(an_entry(transfers=[]), "transfers", id="moves nothing"),
        pytest.param(an_entry(value_date="10.1.2026"), "value_date", id="no date"),
        pytest.param(an_entry(occurred_at="2026-01-10T12:00:00"), "no time zone", id="no zone"),
        pytest.param(an_entry("0.00"), r"transfers\[0\]", id="zero"),
        pytest.param(an_entry("-1.00"), r"transfers\[0\]", id="negative"),
        pytest.param(an_entry("1.001"), r"transfers\[0\]", id="less than a penny"),
        pytest.param(an_entry(proposal_id=""), "proposal_id", id="no id"),
        pytest.param(an_entry(correlation={"a": 1}), "correlation", id="correlation of no texts"),
    ],
)
def test_a_proposal_that_cannot_be_read_is_refused_by_its_field(text: str, names: str) -> None:
    with pytest.raises(ProposalFault) as caught:
        read_proposal(text, at=NOON, where="entry.json")

    assert caught.value.user_message.startswith("entry.json: ")
    assert re.search(names, caught.value.user_message)


def test_a_proposal_needs_its_reason_its_proposer_and_accounts_of_the_chart(connection: Connection) -> None:
    for missing in ({"by": " "}, {"reason": ""}):
        with pytest.raises(ProposalFault):
            _propose(connection, **missing)
    transfer = {"debit": "exp:party", "credit": "bank:main", "currency": "GBP", "amount": "1.00"}
    with pytest.raises(NotOnTheMap, match="exp:party"):
        _propose(connection, an_entry(transfers=[transfer]))
    transfer = {"debit": "rail:card:sim:in_flight", "credit": "bank:main", "currency": "GBP", "amount": "1.00"}
    with pytest.raises(NotOnTheMap, match="left at zero"):
        _propose(connection, an_entry(transfers=[transfer]))


def test_the_commands_take_an_entry_from_proposal_to_posting(
    database_url: str, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    file = tmp_path / "entry.json"
    file.write_text(an_entry())

    principals, began = PostgresPrincipals(connection), datetime(2026, 1, 1, tzinfo=UTC)
    roles = {"ann": "owner", "ben": "credit-risk", "cat": "owner", "eve": "servicing"}
    keys = {
        name: add_principal(name, role, expires_at=None, principals=principals, at=began)
        for name, role in roles.items()
    }
    connection.commit()

    def types(by: str, *words: str) -> int:
        monkeypatch.setenv("TRANCHE_KEY", keys[by])
        return main(list(words))

    assert types("ann", "propose", "--file", str(file), "--reason", "a gift") == 0
    assert types("ann", "approve", "p-1") == 1
    with pytest.raises(PrincipalFault, match="the role servicing of eve posts no entry"):
        types("eve", "approve", "p-1")
    assert types("ben", "approve", "p-1") == 0
    assert types("cat", "approve", "p-1") == 0
    shown = capsys.readouterr()
    assert "posted as FREE:p-1" in shown.out
    assert "ben had approved it before" in shown.out
    assert "ann proposed it" in shown.err
    assert main(["proposals", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["proposals"]
    assert (listed["proposed_by"], listed["approved_by"], listed["reason"]) == ("ann", "ben", "a gift")
    assert _spent(connection) == 12_50
