"""Card numbers are refused everywhere: in texts, ids, addresses and keys of requests."""

import re
from typing import Any

import psycopg
import pytest

import serving.decisions
from lending.terms.merchant_terms import merchant_terms_on
from serving.entrance.card_number import card_number_in, card_number_in_id
from tests.serving.checkout import Api, an_order_body, kept

CARD = "4111111111111111"
NUMBERS = (
    "378282246310005", "371449635398431", "5555555555554444", "2223003122003222", "6011111111111117",
    "3530111333300000", "30569309025904", "6200000000000005", CARD, "4222222222222",
)  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_of_each_issuer_is_found_however_it_is_written(number: str) -> None:
    groups = [number[at : at + 4] for at in range(0, len(number), 4)]
    for text in (
        number,
        " ".join(groups),
        "-".join(groups),
        f"card {number}.",
        f"x{number}y",
        f"{'-'.join(groups)} 12",
    ):
        assert card_number_in(text), text


@pytest.mark.parametrize(
    "text",
    [
        "", "4111111111111112", "9111111111111111", "411111111111", "41111111111111111111111",
        "plan p-2026-11-30-000017", "2026-11-30 12:00:00", "GB29 NWBK 6016 1331 9268 19", "4111.1111.1111.1111",
    ],
)  # fmt: skip
def test_what_is_no_card_number_passes(text: str) -> None:
    assert not card_number_in(text)


def test_a_digest_in_an_id_is_no_card_number() -> None:
    """Ids of decisions are digests in hexadecimal, some of which have many digits in a row."""
    assert card_number_in("d-ab4111111111111111cd12")
    assert not card_number_in_id("d-ab4111111111111111cd12")
    assert card_number_in_id("/v1/decisions/4111111111111111/accept")


def order(api: Api, key: str = "k", **other: Any) -> tuple[int, list[str]]:
    answer = api.post("/v1/decisions", json=an_order_body(**other), headers={"Idempotency-Key": key})
    return answer.status_code, [fault["field"] for fault in answer.json().get("errors", [])]


def test_an_order_with_a_card_number_is_refused_by_its_field(client: Api, connection: psycopg.Connection[Any]) -> None:
    for field in ("order_id", "shopper_id", "account_id", "application_id", "merchant_id"):
        assert order(client, **{field: CARD}) == (422, [f"/{field}"])
    assert order(client, key=CARD) == (422, ["Idempotency-Key"])
    answer = client.get(f"/v1/decisions/{CARD}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:tranche:problem:card-number")
    assert CARD not in answer.text, "what must not be stored is not repeated"
    assert set(kept(connection).values()) == {0}


def test_a_merchant_with_a_format_of_its_own_may_have_such_ids(client: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    default = merchant_terms_on("m-1", client.app.state.clock().date())

    class Own:
        id_format = re.compile("[0-9]{16}")

    monkeypatch.setattr(serving.decisions, "merchant_terms_on", lambda *_: Own)

    assert default.id_format is None
    assert order(client, order_id=CARD)[0] == 201
    assert order(client, key="k-2", order_id="378282246310005") == (422, ["/order_id"]), "not of the format"


def test_a_reason_with_a_card_number_is_refused_wherever_it_stands(client: Api) -> None:
    body = {"reason": f"they paid with {CARD} by mistake", "amount": "1.00 GBP"}

    answer = client.post("/v1/plans/p-1/goodwill", json=body, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "/reason")
