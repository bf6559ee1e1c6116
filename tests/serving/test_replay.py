"""A stored decision is computed again to the same bytes, or what changed is named."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lending.canonical import canonical, digest
from lending.decision import offer
from lending.decision.postgres import PostgresDecisions
from lending.decision.record import inputs_from_text
from lending.terms import policy_file
from lending.terms.policy import Policies
from lending.terms.products import SHIPPED_PRODUCTS, load_products, product_on, products
from models.artefact import ARRAYS_FILE
from serving import replay as act
from serving import scoring
from serving.decision_code import decision_code_digest
from serving.replay import Cause, Differs, Identical, NoSuchDecision, replay_decision
from serving.settings import Settings
from tests.command_line import acts_of
from tests.serving.checkout import Api, an_order_body, promoted, publish

main = acts_of("serving")


@pytest.fixture
def decision_id(client: Api) -> str:
    return ask(client, "o-1")


def ask(client: Api, order_id: str, **other: Any) -> str:
    response = client.post(
        "/v1/decisions", json=an_order_body(order_id=order_id, **other), headers={"Idempotency-Key": order_id}
    )
    assert response.status_code == 201, response.text
    answered: str = response.json()["decision_id"]
    return answered


def test_every_kind_of_decision_replays_to_the_same_bytes(
    client: Api, connection: psycopg.Connection[Any], settings: Settings
) -> None:
    publish(connection, "a-risky", balance_low_90d=-1.0, overdraft_days_180d=9.0, data_age_days=None)
    publish(connection, "a-poor", income_mean_180d=110_000.0)
    for number, account in enumerate(["a-1", "a-unseen", "a-risky", "a-poor"]):
        ask(client, f"o-{number}", account_id=account, shopper_id=f"s-{number}", amount_minor=48_000)
    outcomes = {stored.outcome for stored in PostgresDecisions(connection).all()}

    report = act.replay_all(connection, settings.models_dir, policy_file.load_policies())

    assert outcomes == {"approved", "referred", "declined", "approved_reduced"}
    assert (report.replayed, report.identical, report.differing) == (4, 4, ())


def test_a_decision_replays_after_another_model_was_promoted(
    decision_id: str, connection: psycopg.Connection[Any], settings: Settings
) -> None:
    promoted(settings.models_dir, shift=0.5)

    stored = PostgresDecisions(connection).get(decision_id)
    assert stored is not None

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert result == Identical(decision_id, stored.answer)


def test_a_damaged_model_is_named(decision_id: str, connection: psycopg.Connection[Any], settings: Settings) -> None:
    digest = _inputs(connection, decision_id)["model"]["digest"]
    other = promoted(settings.models_dir, shift=0.5)
    (settings.models_dir / digest / ARRAYS_FILE).write_bytes(
        (settings.models_dir / other.digest / ARRAYS_FILE).read_bytes()
    )

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert isinstance(result, Differs)
    assert (result.cause, digest[:12] in result.detail) == (Cause.MODEL, True)


def test_a_model_that_is_gone_is_named(decision_id: str, connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    result = replay_decision(connection, decision_id, tmp_path / "elsewhere", policy_file.load_policies())

    assert isinstance(result, Differs)
    assert result.cause is Cause.MODEL


def test_a_changed_rule_is_named(decision_id: str, connection: psycopg.Connection[Any], settings: Settings) -> None:
    text = (policy_file.SHIPPED / "gb-pay-in-3-1.toml").read_text(encoding="utf-8")
    changed = Policies([policy_file.parse_policy(text.replace("above = 0.22", "above = 0.01"), "gb-pay-in-3-1.toml")])

    result = replay_decision(connection, decision_id, settings.models_dir, changed)

    assert isinstance(result, Differs)
    assert result.cause is Cause.RULE
    assert "gb-pay-in-3 version 1" in result.detail
    assert "rules were changed" in result.detail


def other_terms(folder: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str) -> None:
    """Replay finds the shipped products, but in one file this text replaced by that."""
    copy = Path(shutil.copytree(SHIPPED_PRODUCTS, folder / "products"))
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(act, "products", lambda: load_products(copy))


def test_a_record_says_which_product_terms_its_answer_read(
    decision_id: str, connection: psycopg.Connection[Any]
) -> None:
    stored = PostgresDecisions(connection).get(decision_id)
    assert stored is not None
    (offer,) = json.loads(stored.answer)["offers"]

    terms = inputs_from_text(stored.inputs).product_terms

    assert terms == products().version(offer["terms_version"]).stamp


def test_changed_product_terms_are_named(
    decision_id: str,
    connection: psycopg.Connection[Any],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = products().version("pay-in-3-1").digest
    other_terms(tmp_path, monkeypatch, "pay-in-3-1.toml", "every = 30", "every = 31")
    now = load_products(tmp_path / "products").version("pay-in-3-1").digest

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert isinstance(result, Differs)
    assert result.cause is Cause.RULE
    assert result.detail == f"terms pay-in-3-1 of pay_in_3 were {before[:12]} and are {now[:12]}: they were changed"


@pytest.mark.parametrize(
    ("file", "old", "new", "same"),
    [
        pytest.param("pay-in-3-1.toml", "# Three payments", "# Some payments", True, id="a comment"),
        pytest.param("pay-in-4-1.toml", "every = 14", "every = 15", True, id="another product"),
        pytest.param("pay-in-3-1.toml", "1993-01-01", "2999-01-01", False, id="terms that are not offered that day"),
    ],
)
def test_replay_minds_what_the_terms_of_the_product_say_and_nothing_else(
    *,
    decision_id: str,
    connection: psycopg.Connection[Any],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    old: str,
    new: str,
    same: bool,
) -> None:
    other_terms(tmp_path, monkeypatch, file, old, new)

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert isinstance(result, Identical) is same
    if isinstance(result, Differs):
        assert (result.cause, result.detail.endswith("of pay_in_3 are gone")) == (Cause.RULE, True)


def test_newer_terms_that_take_over_the_day_are_named(
    decision_id: str,
    connection: psycopg.Connection[Any],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other_terms(tmp_path, monkeypatch, "pay-in-3-1.toml", '"pay-in-3-1"', '"pay-in-3-2"')
    (tmp_path / "products/pay-in-3-1.toml").rename(tmp_path / "products/pay-in-3-2.toml")

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert isinstance(result, Differs)
    assert (result.cause, result.detail.endswith("were pay-in-3-1 and are pay-in-3-2")) == (Cause.RULE, True)


def test_a_changed_policy_and_changed_terms_are_both_named(
    decision_id: str,
    connection: psycopg.Connection[Any],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other_terms(tmp_path, monkeypatch, "pay-in-3-1.toml", "every = 30", "every = 31")

    result = replay_decision(connection, decision_id, settings.models_dir, Policies([]))

    assert isinstance(result, Differs)
    assert result.detail.startswith("policy gb-pay-in-3 version 1 (")
    assert "is gone; terms pay-in-3-1 of pay_in_3 were" in result.detail


def test_a_record_from_before_terms_were_kept_replays_to_the_same_bytes(
    decision_id: str, connection: psycopg.Connection[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = PostgresDecisions(connection).get(decision_id)
    assert stored is not None
    body = json.loads(stored.inputs)
    del body["product_terms"]
    inputs = canonical(body)
    connection.execute("ALTER TABLE lending.decisions DISABLE TRIGGER append_only")
    connection.execute("UPDATE lending.decisions SET inputs = %s, digest = %s", (inputs, digest(inputs, stored.answer)))

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())
    monkeypatch.setattr(scoring, "PROBABILITY_DIGITS", 2)
    differing = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert result == Identical(decision_id, stored.answer)
    assert isinstance(differing, Differs)
    assert differing.detail.endswith("the code is the same; the record does not say which terms it read")


def test_a_vector_changed_afterwards_is_named_by_its_feature(
    decision_id: str, connection: psycopg.Connection[Any], settings: Settings
) -> None:
    publish(connection, "a-1", income_mean_180d=1.0)

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert isinstance(result, Differs)
    assert (result.cause, "income_mean_180d" in result.detail) == (Cause.DATA, True)


@pytest.mark.parametrize("column", ["inputs", "answer"])
def test_a_record_altered_behind_the_platforms_back_is_noticed(
    decision_id: str, connection: psycopg.Connection[Any], settings: Settings, column: str
) -> None:
    connection.execute("ALTER TABLE lending.decisions DISABLE TRIGGER append_only")
    connection.execute(f"UPDATE lending.decisions SET {column} = replace({column}, '9000', '9001')")  # type: ignore[arg-type]

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert isinstance(result, Differs)
    assert (result.cause, "record" in result.detail) == (Cause.DATA, True)


def test_a_holiday_that_a_person_added_is_named_where_it_moves_a_due(
    decision_id: str, connection: psycopg.Connection[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = PostgresDecisions(connection).get(decision_id)
    assert stored is not None
    assert stored.offer is not None
    terms, currency = product_on(stored.offer.product, stored.offer.offered_on), stored.offer.amount.currency
    days = replace(terms.servicing.days[currency], holidays=frozenset({stored.offer.instalments[1].due_on}))
    servicing = replace(terms.servicing, days={currency: days})
    monkeypatch.setattr(offer, "product_on", lambda *_: replace(terms, servicing=servicing))

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert isinstance(result, Differs)
    assert (result.cause, result.detail.partition(";")[2]) == (
        Cause.RULE, " the code is the same: the holidays of the calendar were changed",
    )  # fmt: skip


def test_other_code_is_named_with_the_place_that_differs(
    decision_id: str, connection: psycopg.Connection[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "PROBABILITY_DIGITS", 2)
    monkeypatch.setattr(act, "decision_code_digest", lambda: "e" * 64)

    result = replay_decision(connection, decision_id, settings.models_dir, policy_file.load_policies())

    assert isinstance(result, Differs)
    assert result.cause is Cause.CODE
    assert "/score/default_probability" in result.detail
    code = decision_code_digest()
    assert result.detail.endswith(f"differ; the code was {code[:12]} and is eeeeeeeeeeee")


def test_an_unknown_decision_is_said_to_be_unknown(connection: psycopg.Connection[Any], settings: Settings) -> None:
    with pytest.raises(NoSuchDecision) as raised:
        replay_decision(connection, "d-none", settings.models_dir, policy_file.load_policies())

    assert raised.value.user_message == "there is no decision d-none"


def test_the_command_replays_everything_and_says_so(
    decision_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TRANCHE_MODELS_DIR", str(settings.models_dir))

    code = main(["replay", "--all", "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == {"replayed": 1, "identical": 1, "differing": []}
    assert main(["replay", "--id", decision_id]) == 0


def _inputs(connection: psycopg.Connection[Any], decision_id: str) -> dict[str, Any]:
    stored = PostgresDecisions(connection).get(decision_id)
    assert stored is not None
    inputs: dict[str, Any] = json.loads(stored.inputs)
    return inputs
