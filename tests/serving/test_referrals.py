"""Cases at the HTTP door: from a referred order to the plan of the decision that a person made of it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from lending.decision.postgres import PostgresDecisions
from lending.terms import policy_file
from serving import replay
from serving.settings import Settings
from simulation.servicing.case import ROLES, Staff
from simulation.servicing.counter import ServiceCounter
from tests.command_line import acts_of
from tests.serving.checkout import NOON, Api, a_merchants_key, an_order_body, count, promoted, publish, running
from tests.serving.test_accept import provider_url

__all__ = ["provider_url"]

STAFF = {"ann": "reviewer", "bob": "reviewer", "risk": "credit-risk", "agent": "agent"}
SEEN = {"reasons": ["HISTORY_SEEN"], "reason": "three statements show it"}
WHY = {"reason": "next"}


class Office:
    """The staff with a key each, and one API."""

    def __init__(self, api: Api, keys: dict[str, str]) -> None:
        self.api, self.keys = api, keys

    def get(self, who: str, path: str, **params: Any) -> httpx.Response:
        return self.api.get(path, params=params, headers={"Authorization": f"Bearer {self.keys[who]}"})

    def post(self, who: str, path: str, body: dict[str, Any] | None = None, key: str = "k-1") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Idempotency-Key": key}
        return self.api.post(path, json=body, headers=headers)

    def order(self, order_id: str = "o-1", **other: Any) -> dict[str, Any]:
        """The decision on an order of an account without bookings, which a person has to judge."""
        body = an_order_body(order_id=order_id, **{"account_id": "a-silent", "shopper_id": "s-pays"} | other)
        answer = self.post("shop", "/v1/decisions", body, key=order_id)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def case(self, order_id: str = "o-1", **other: Any) -> str:
        """The case of a referred order, claimed by ann, with a document."""
        decided = self.order(order_id, **other)
        assert decided["outcome"] == "referred", decided["reasons"]
        case_id = str(self.get("shop", f"/v1/decisions/{decided['decision_id']}/review").json()["case_id"])
        assert self.post("ann", f"/v1/referrals/{case_id}/claim", WHY).status_code == 200
        sent = {"kind": "bank_statement", "sha256": "a" * 64, "reason": "sent by the shopper"}
        assert self.post("ann", f"/v1/referrals/{case_id}/documents", sent).status_code == 200
        return case_id

    def decide(self, who: str, case_id: str, amount: int | None = 9_000, **other: Any) -> httpx.Response:
        body = {"verdict": "approved", "amount_minor": amount} | SEEN | other
        return self.post(who, f"/v1/referrals/{case_id}/decision", body)


@pytest.fixture
def open_office(settings: Settings, connection: psycopg.Connection[Any]) -> Callable[..., Any]:
    publish(connection, "a-silent", data_age_days=None)
    principals = PostgresPrincipals(connection)
    keys = {
        who: add_principal(who, role, expires_at=None, principals=principals, at=NOON) for who, role in STAFF.items()
    }
    keys["shop"] = a_merchants_key(connection, role="shop")
    connection.commit()

    @contextmanager
    def opened(at: datetime = NOON, **other: Any) -> Iterator[Office]:
        with running(replace(settings, **other), at) as api:
            yield Office(api, keys)

    return opened


@pytest.fixture
def office(open_office: Callable[..., Any]) -> Iterator[Office]:
    with open_office() as opened:
        yield opened


def test_a_referred_order_is_reviewed_and_becomes_a_plan(
    open_office: Callable[..., Any], provider_url: str, settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    with open_office(provider_url=provider_url) as office:
        first = office.order()
        decision = f"/v1/decisions/{first['decision_id']}"
        told = office.get("shop", f"{decision}/review").json()
        queue = office.get("ann", "/v1/referrals", queue="documents").json()
        case = f"/v1/referrals/{told['case_id']}"

        claimed = office.post("ann", f"{case}/claim", WHY).json()
        taken = office.post("bob", f"{case}/claim", WHY)
        by_another = office.decide("bob", told["case_id"])
        asked = office.post("ann", f"{case}/document-requests", {"kinds": ["bank_statement"], "reason": "no bookings"})
        too_soon = office.decide("ann", told["case_id"])
        document = {"kind": "bank_statement", "sha256": "b" * 64, "note": "salary seen", "reason": "came by post"}
        received = office.post("bob", f"{case}/documents", document).json()
        assert office.post("bob", f"{case}/documents", document).json() == received, "once"
        decided = office.decide("ann", told["case_id"], reasons=["HISTORY_SEEN"])
        again = office.decide("ann", told["case_id"], reasons=["HISTORY_SEEN"])
        otherwise = office.decide("ann", told["case_id"], amount=8_000)
        second = office.get("shop", decided.headers["Location"]).json()
        accepted = office.post("shop", f"{decided.headers['Location']}/accept")
        now_told = office.get("shop", f"{decision}/review").json()
        whole = office.get("ann", case).json()
        unchanged = office.get("shop", decision)

    assert (first["outcome"], told["state"], told["due_at"]) == ("referred", "open", "2026-03-05T00:00:00+00:00")
    assert "A person who can change the decision" in told["notice"]
    assert [each["case_id"] for each in queue["cases"]] == [told["case_id"]]
    assert (claimed["holder"], taken.status_code, taken.json()["type"]) == ("ann", 409, "urn:tranche:problem:claimed")
    assert by_another.json()["type"] == "urn:tranche:problem:not-claimed"
    assert asked.json()["due_at"] == "2026-03-10T00:00:00+00:00", "five business days for the documents"
    assert too_soon.status_code == 422, "the reason needs a document"
    assert (received["state"], decided.status_code, decided.json()["state"]) == ("open", 200, "decided")
    assert (again.content, otherwise.status_code) == (decided.content, 409)
    assert (second["outcome"], second["reviews"]) == ("approved", first["decision_id"])
    assert second["disclosures"] == {"automated_decision": False, "review": False}
    assert "review" not in second, "who reviewed and why is the lender's"
    assert (accepted.status_code, accepted.json()["decision_id"]) == (201, second["decision_id"])
    assert now_told["outcome_id"] == second["decision_id"]
    assert "A person has looked at your order" in now_told["notice"]
    kinds = ["claimed", "documents_asked", "document_received", "decided"]
    assert [(each["kind"], each["by"]) for each in whole["events"]] == list(
        zip(kinds, ["ann", "ann", "bob", "ann"], strict=True)
    )
    assert unchanged.json() == first, "the first decision stays what it was"
    report = replay.replay_all(connection, settings.models_dir, policy_file.load_policies())
    assert (report.replayed, report.differing) == (2, ())


def test_the_limit_is_kept_at_the_moment_of_the_review_whoever_decides(
    office: Office, connection: psycopg.Connection[Any]
) -> None:
    """Five cases of one person, each for 500 pounds, and a limit of 2,500 of which 1,500 are taken."""
    publish(connection, "a-same", income_mean_180d=100_000_000.0)
    cases = [office.case(f"o-{number}", amount_minor=50_000) for number in range(5)]
    publish(connection, "a-silent", income_mean_180d=100_000_000.0, data_age_days=None)
    for number in range(3):
        other = office.order(f"other-{number}", account_id="a-same", amount_minor=50_000)
        assert other["outcome"] == "approved"
    connection.rollback()
    with ThreadPoolExecutor(max_workers=5) as threads:
        answers = list(threads.map(lambda case_id: office.decide("ann", case_id, amount=50_000), cases))
    refused = next(each for each in answers if each.status_code != 200)

    assert Counter(each.status_code for each in answers) == {200: 2, 409: 3}
    assert refused.json()["errors"][0]["field"] == "not-within"
    assert "EXPOSURE_LIMIT" in refused.json()["detail"]
    assert count(connection, "lending.reservations") == 5
    assert len(office.get("ann", "/v1/referrals").json()["cases"]) == 3


def test_above_a_limit_and_for_some_reasons_another_person_looks_again(
    office: Office, connection: psycopg.Connection[Any]
) -> None:
    publish(connection, "a-new", tenure_days=10.0)
    declined = office.order(account_id="a-new")
    decision = f"/v1/decisions/{declined['decision_id']}"
    contested = {"ground": "data_wrong", "reason": "they called", "statement_sha256": "c" * 64}
    opened = office.post("agent", f"{decision}/contest", contested)
    repeated = office.post("agent", f"{decision}/contest", contested)
    elsewise = office.post("agent", f"{decision}/contest", contested | {"ground": "other"})
    case_id = opened.json()["case_id"]
    case = f"/v1/referrals/{case_id}"
    assert office.post("ann", f"{case}/claim", WHY).status_code == 200
    sent = {"kind": "bank_statement", "sha256": "d" * 64, "reason": "came in"}
    assert office.post("ann", f"{case}/documents", sent).status_code == 200

    unanswered = office.decide("ann", case_id)
    proposed = office.decide("ann", case_id, reasons=["DATA_CORRECTED"])
    agreed = {"agrees": True, "reason": "the statements are there"}
    alone = office.post("ann", f"{case}/second-look", agreed)
    beyond_role = office.post("bob", f"{case}/second-look", agreed)
    before = count(connection, "lending.decisions")
    disagreed = office.post("risk", f"{case}/second-look", agreed | {"agrees": False}).json()
    assert office.post("ann", f"{case}/claim", WHY).status_code == 200
    assert office.decide("ann", case_id, reasons=["DATA_CORRECTED"]).status_code == 202
    done = office.post("risk", f"{case}/second-look", agreed)
    outcome = office.api.get(done.headers["Location"]).json()
    figures = office.get("risk", "/v1/referrals/figures", until="2026-03-03").json()["queues"]

    assert (declined["outcome"], opened.status_code) == ("declined", 201)
    assert (repeated.content, repeated.headers["Idempotency-Replayed"]) == (opened.content, "true")
    assert elsewise.json()["type"] == "urn:tranche:problem:in-review"
    assert (unanswered.status_code, "TENURE_SHORT" in unanswered.json()["detail"]) == (409, True)
    assert (proposed.status_code, proposed.json()["proposed_by"], before) == (202, "ann", 1)
    assert (alone.status_code, alone.json()["type"]) == (409, "urn:tranche:problem:same-person")
    assert (beyond_role.status_code, disagreed["state"]) == (403, "open")
    assert (outcome["outcome"], outcome["review"]["by"], outcome["review"]["second"]) == ("approved", "ann", "risk")
    assert outcome["reviews"] == declined["decision_id"]
    (row,) = figures
    assert (row["cause"], row["overturned"], row["approval_rate"]) == ("contested", 1, "1.00")
    assert (row["second_agreed"], row["second_refused"], row["agreement_rate"]) == (1, 1, "0.50")
    assert (row["median_hours"], row["undecided"]) == ("0.00", 0)


@pytest.fixture
def clock(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The clock of commands, which work on the same database as the office."""
    file = tmp_path / "clock"
    file.write_text(NOON.isoformat())
    monkeypatch.setenv("TRANCHE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TRANCHE_MODELS_DIR", str(settings.models_dir))
    monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(file))
    return file


def test_a_smaller_approval_is_contested_and_its_offer_and_the_review_are_never_both_taken(
    open_office: Callable[..., Any], connection: psycopg.Connection[Any]
) -> None:
    publish(connection, "a-poor", income_mean_180d=140_000.0)
    contested = {"ground": "circumstances_not_known", "reason": "a second job"}
    stated = {"means": {"income_minor": 300_000, "obligations_minor": 100_000}, "reasons": ["MEANS_VERIFIED"]}
    with open_office() as office:
        first = office.order(account_id="a-poor", amount_minor=48_000)
        told = office.post("agent", f"/v1/decisions/{first['decision_id']}/contest", contested).json()
        case = f"/v1/referrals/{told['case_id']}"
        assert office.post("ann", f"{case}/claim", WHY).status_code == 200
        sent = {"kind": "payslip", "sha256": "e" * 64, "reason": "came in"}
        assert office.post("ann", f"{case}/documents", sent).status_code == 200
        early = office.decide("ann", told["case_id"], amount=48_000, **stated)
    with open_office(NOON + timedelta(hours=25)) as office:
        assert office.post("ann", f"{case}/claim", WHY).status_code == 200
        late = office.decide("ann", told["case_id"], amount=48_000, **stated)
        outcome = office.api.get(late.headers["Location"]).json()

    assert (first["outcome"], first["approved_amount_minor"] < 48_000) == ("approved_reduced", True)
    assert (early.status_code, early.json()["errors"][0]["field"]) == (409, "offer-open")
    assert (outcome["outcome"], outcome["reviews"]) == ("approved", first["decision_id"])
    assert outcome["affordability"]["method"] == "monthly means from documents"
    assert outcome["affordability"]["income_minor"] == 300_000


def test_a_case_that_nobody_decides_is_escalated_or_declined_and_never_silent(
    open_office: Callable[..., Any],
    settings: Settings,
    connection: psycopg.Connection[Any],
    clock: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    promoted(settings.models_dir, shift=0.2)
    # Its risk is a person's to judge; that the instalment is too high a smaller amount would cure.
    publish(connection, "a-risky", overdraft_days_180d=9.0, income_mean_180d=110_000.0)
    with open_office() as office:
        documents = office.order("o-1")
        risk = office.order("o-2", account_id="a-risky", shopper_id="s-risky")
    assert (documents["outcome"], risk["outcome"]) == ("referred", "referred"), risk["reasons"]

    def swept(at: datetime) -> list[str]:
        clock.write_text(at.isoformat())
        assert acts_of("serving")(["referrals", "sweep", "--json"]) == 0
        return sorted(each["became"] for each in json.loads(capsys.readouterr().out)["cases"])

    on_time = swept(NOON + timedelta(days=1))
    late = swept(NOON + timedelta(days=3))
    later = swept(NOON + timedelta(days=20))
    again = swept(NOON + timedelta(days=20))
    decisions = {each.reviews: each for each in PostgresDecisions(connection).all() if each.reviews}

    assert (on_time, late, later, again) == ([], ["declined", "escalated"], ["declined"], [])
    assert decisions.keys() == {documents["decision_id"], risk["decision_id"]}
    for each in decisions.values():
        answer = json.loads(each.answer)
        assert (each.outcome, answer["reasons"][0]["code"]) == ("declined", "REVIEW_EXPIRED")
        assert answer["disclosures"] == {"automated_decision": True, "review": True}
    report = replay.replay_all(connection, settings.models_dir, policy_file.load_policies())
    assert (report.replayed, report.differing) == (4, ())


def test_of_many_reviewers_at_once_one_gets_the_case_until_the_claim_ends(
    open_office: Callable[..., Any], connection: psycopg.Connection[Any]
) -> None:
    with open_office() as office:
        path = f"/v1/decisions/{office.order()['decision_id']}/review"
        claim = f"/v1/referrals/{office.get('ann', path).json()['case_id']}/claim"
        who = ["ann", "bob", "risk"] * 4
        with ThreadPoolExecutor(max_workers=12) as threads:
            answers = list(threads.map(lambda each: (each, office.post(each, claim, WHY)), who))
        holders = {each for each, answer in answers if answer.status_code == 200}
        assert len(holders) == 1, [answer.text for _, answer in answers]
        (holder,) = holders
        another = "bob" if holder != "bob" else "ann"
        assert office.post(another, claim, WHY).status_code == 409
    with open_office(NOON + timedelta(minutes=61)) as office:
        assert office.post(another, claim, WHY).json()["holder"] == another


def test_the_database_holds_what_the_code_promises(office: Office, connection: psycopg.Connection[Any]) -> None:
    case_id = office.case()
    event = (
        "INSERT INTO lending.review_case_events (case_id, number, kind, at, done_by, reason, body)"
        " VALUES (%s, %s, %s, now(), %s, 'x', %s::jsonb)"
    )

    def refused(words: str, statement: str, *values: object) -> None:
        def act() -> None:
            connection.execute(statement, values)
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")

        with pytest.raises(psycopg.Error, match=words):
            act()
        connection.rollback()

    for table in ("review_cases", "review_case_events"):
        refused("only ever added to", f"UPDATE lending.{table} SET reason = 'another'")
        refused("only ever added to", f"DELETE FROM lending.{table}")
    refused("leaves a gap", event, case_id, 9, "claimed", "ann", '{"seconds": 1}')
    refused("is no review", event, case_id, 3, "decided", "ann", '{"decision_id": "d-none", "verdict": "approved"}')
    copy = (
        'INSERT INTO lending.decisions SELECT (jsonb_populate_record(d, \'{"decision_id": "d-copy"}\')).*'
        " FROM lending.decisions d"
    )
    refused("has no case", copy)
    assert office.decide("ann", case_id).status_code == 200
    refused("is decided", event, case_id, 4, "claimed", "bob", '{"seconds": 1}')


def test_a_stranger_learns_nothing_of_a_case_and_a_merchant_only_where_it_stands(
    office: Office, connection: psycopg.Connection[Any]
) -> None:
    case_id = office.case()
    office.keys["rival"] = a_merchants_key(connection, "m-2")
    decision_id = "d-" + case_id.removeprefix("c-")

    assert office.get("rival", f"/v1/decisions/{decision_id}/review").status_code == 404
    assert office.get("shop", f"/v1/referrals/{case_id}").status_code == 403
    assert office.get("agent", f"/v1/referrals/{case_id}").status_code == 403
    assert office.get("ann", "/v1/referrals/c-none").status_code == 404
    assert office.post("shop", f"/v1/decisions/{decision_id}/contest", {}).status_code == 403
    contest = office.post("agent", f"/v1/decisions/{decision_id}/contest", {"ground": "other", "reason": "x"})
    assert contest.json()["type"] == "urn:tranche:problem:in-review", "a person looks at it already"
    approved = office.order("o-9", account_id="a-1")["decision_id"]
    refused = office.post("agent", f"/v1/decisions/{approved}/contest", {"ground": "other", "reason": "x"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:tranche:problem:not-contestable")
    missing = office.post("agent", "/v1/decisions/d-none/contest", {"ground": "other", "reason": "x"})
    assert missing.status_code == 404


def test_the_desk_of_the_seeded_world_reviews_a_referred_order_through_the_routes(
    office: Office, connection: psycopg.Connection[Any]
) -> None:
    """Approved up to the limit, beyond it by two people, and declined where the assessment leaves no room."""
    principals = PostgresPrincipals(connection)
    staff = (Staff.REVIEWER, Staff.RISK)
    keys = {each: add_principal(each, ROLES[each], expires_at=None, principals=principals, at=NOON) for each in staff}
    connection.commit()
    publish(connection, "a-poor", data_age_days=None, income_mean_180d=100_100.0)
    months = {"product": "monthly", "duration_months": 12}
    with httpx.Client(base_url=office.api.base_url, timeout=60) as http:
        counter = ServiceCounter(http, keys, {})
        small = counter.review(office.order("o-1")["decision_id"])
        large = counter.review(office.order("o-2", amount_minor=60_000, **months)["decision_id"])
        poor = counter.review(office.order("o-3", account_id="a-poor", shopper_id="s-poor")["decision_id"])

    assert [each["verdict"] for each in (small, large, poor)] == ["approved", "approved", "declined"]
    assert [each["proposed_by"] for each in (small, large, poor)] == [None, "desk-reviewer", None]
    assert office.api.get(f"/v1/decisions/{large['outcome_id']}").json()["review"]["second"] == "desk-risk"


def test_the_queue_is_read_page_by_page(office: Office) -> None:
    made = {office.case(f"o-{number}", amount_minor=2_000) for number in range(5)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = office.get("ann", "/v1/referrals", limit=2, **cursor).json()
        seen += [each["case_id"] for each in page["cases"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert (len(seen), set(seen)) == (5, made)
    assert office.get("ann", "/v1/referrals", cursor="nonsense").status_code == 422


def test_the_command_line_does_what_the_routes_do(
    office: Office, clock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decided = office.order()
    assert clock.is_file()
    (tmp_path / "statement.pdf").write_bytes(b"a statement")

    def said(*words: str, code: int = 0) -> dict[str, Any]:
        assert acts_of("serving")(["referrals", *words, "--json"]) == code
        return dict(json.loads(capsys.readouterr().out))

    (listed,) = said("list")["cases"]
    case_id = listed["case_id"]
    assert said("claim", case_id)["holder"] == "local"
    words = ["--code", "HISTORY_SEEN", "--amount", "90.00 GBP", "--reason", "seen"]
    assert said("decide", case_id, "approved", *words, code=1)["refused"][0]["code"] == "document-needed"
    said("ask", case_id, "--document", "bank_statement", "--reason", "no bookings")
    said("receive", case_id, "--kind", "bank_statement", "--file", str(tmp_path / "statement.pdf"))
    outcome = said("decide", case_id, "approved", *words)
    shown = said("show", case_id)
    report = said("report", "--from", "2026-03-01", "--to", "2026-03-03")["queues"]

    assert listed["decision_id"] == decided["decision_id"]
    assert office.api.get(f"/v1/decisions/{outcome['outcome_id']}").json()["reviews"] == decided["decision_id"]
    assert [each["kind"] for each in shown["events"]][-1] == "decided"
    assert (report[0]["queue"], report[0]["approved"], report[0]["approval_rate"]) == ("documents", 1, "1.00")
