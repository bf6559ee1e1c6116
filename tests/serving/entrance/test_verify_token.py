"""Access tokens of an identity provider: whom they name, and every way in which one is not accepted."""

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from ledger.identity.postgres_principals import PostgresPrincipals
from serving.entrance.access_token import KeysUnavailable, TokenFault
from serving.entrance.issuer import Issuer
from serving.entrance.signing_keys import KEPT_SECONDS, SOONEST_SECONDS, SigningKeys
from serving.entrance.verify_token import LEEWAY_SECONDS, AccessTokens
from serving.settings import Settings
from terminal.environment import SettingFault
from tests.serving.checkout import NOON, a_merchants_key, running

NAME, AUDIENCE = "https://login.example", "tranche"
IN_AN_HOUR = int((NOON + timedelta(hours=1)).timestamp())
CLAIMS = {"iss": NAME, "aud": AUDIENCE, "sub": "m-1-shop", "exp": IN_AN_HOUR}
KEY = ECKey.generate_key("P-256", parameters={"kid": "first"})
OTHER = ECKey.generate_key("P-256", parameters={"kid": "second"})


def signed(key: Key = KEY, alg: str = "ES256", **claims: Any) -> str:
    kept = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode({"alg": alg, "kid": key.kid}, kept, key, algorithms=[alg])


def shared_secret(secret: bytes) -> str:
    parts = [json.dumps(each).encode() for each in ({"alg": "HS256", "kid": "first"}, CLAIMS)]
    signing = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mark = urlsafe_b64encode(hmac.digest(secret, signing, "sha256")).rstrip(b"=")
    return (signing + b"." + mark).decode()


def key_set(*keys: Key, private: bool = False) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=private) for key in keys]}


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(key_set(KEY)))
    return file


@pytest.fixture
def issuer(keys_file: Path) -> Issuer:
    return Issuer(NAME, AUDIENCE, str(keys_file))


def test_a_token_names_its_principal_and_ends(issuer: Issuer) -> None:
    token = AccessTokens(issuer).verified(signed(), NOON)

    assert token.principal_id == "m-1-shop"
    assert token.ends_at == NOON + timedelta(hours=1, seconds=LEEWAY_SECONDS)
    other = replace(issuer, claim="tranche_principal")
    assert AccessTokens(other).verified(signed(tranche_principal="ann"), NOON).principal_id == "ann"


@pytest.mark.parametrize(
    "key", [RSAKey.generate_key(2048, parameters={"kid": "r"}), OKPKey.generate_key("Ed25519", parameters={"kid": "o"})]
)
def test_every_signature_with_a_private_key_is_accepted(issuer: Issuer, keys_file: Path, key: Key) -> None:
    keys_file.write_text(json.dumps(key_set(key)))
    for alg in ("RS256", "PS256") if isinstance(key, RSAKey) else ("Ed25519",):
        assert AccessTokens(issuer).verified(signed(key, alg), NOON).principal_id == "m-1-shop"


NO_TOKENS = {
    "another issuer": lambda: signed(iss="https://evil.example"),
    "no issuer": lambda: signed(iss=None),
    "another audience": lambda: signed(aud="other"),
    "no audience": lambda: signed(aud=None),
    "an end that is past": lambda: signed(exp=int((NOON - timedelta(minutes=2)).timestamp())),
    "no end": lambda: signed(exp=None),
    "an end that is no number": lambda: signed(exp="tomorrow"),
    "an end beyond all time": lambda: signed(exp=10**20),
    "not valid yet": lambda: signed(nbf=int((NOON + timedelta(minutes=2)).timestamp())),
    "no principal": lambda: signed(sub=None),
    "a principal that is no text": lambda: signed(sub=7),
    "a key that the issuer does not have": lambda: signed(OTHER),
    "a key of the issuer's name and another content": lambda: signed(
        ECKey.generate_key("P-256", parameters={"kid": "first"})
    ),
    "the issuer's public key as a shared secret": lambda: shared_secret(KEY.as_pem(private=False)),
    "no signature": lambda: "eyJhbGciOiJub25lIiwia2lkIjoiZmlyc3QifQ." + signed().split(".")[1] + ".",
    "a changed body": lambda: ".".join(
        [signed().split(".")[0], signed(sub="owner").split(".")[1], signed().split(".")[2]]
    ),
    "no token at all": lambda: "a.b.c",
    "a head that is a list": lambda: "W10.e30.c2ln",
    "a head of bytes": lambda: "_w.e30.c2ln",
    "nine thousand bytes": lambda: signed(note="x" * 9_000),
}


@pytest.mark.parametrize("trouble", NO_TOKENS)
def test_a_token_that_is_not_right_is_not_accepted(issuer: Issuer, trouble: str) -> None:
    with pytest.raises(TokenFault):
        AccessTokens(issuer).verified(NO_TOKENS[trouble](), NOON)


@contextmanager
def published(*sets: dict[str, Any] | int) -> Iterator[tuple[str, list[int]]]:
    """An issuer's address that answers with the next set at each reading, the last one for ever; and how often."""
    readings = [0]

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the server calls
            answer = sets[min(readings[0], len(sets) - 1)]
            readings[0] += 1
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            self.wfile.write(b"" if isinstance(answer, int) else json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks.json", readings
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_new_key_of_the_issuer_becomes_known_and_invented_ones_make_no_more_readings() -> None:
    moment = [0.0]
    with published(key_set(KEY), key_set(KEY, OTHER)) as (address, readings):
        tokens = AccessTokens(Issuer(NAME, AUDIENCE, address), SigningKeys(address, lambda: moment[0]))
        tokens.verified(signed(), NOON)
        for number in range(20):
            with pytest.raises(TokenFault):
                tokens.verified(signed(ECKey.generate_key("P-256", parameters={"kid": str(number)})), NOON)
        assert readings == [1]
        moment[0] = SOONEST_SECONDS
        assert tokens.verified(signed(OTHER), NOON).principal_id == "m-1-shop"
        assert readings == [2]
        moment[0] += KEPT_SECONDS
        tokens.verified(signed(), NOON)
        assert readings == [3], "a key that was withdrawn is not believed for ever"


def test_the_last_keys_stay_in_use_while_the_issuer_does_not_answer() -> None:
    moment = [0.0]
    with published(key_set(KEY), 500) as (address, _):
        tokens = AccessTokens(Issuer(NAME, AUDIENCE, address), SigningKeys(address, lambda: moment[0]))
        tokens.verified(signed(), NOON)
        moment[0] = KEPT_SECONDS
        assert tokens.verified(signed(), NOON).principal_id == "m-1-shop"


@pytest.mark.parametrize(
    "answer", [500, {"keys": 7}, {}, {"keys": [{"kty": "EC"}]}, {"keys": [{"kty": "oct", "k": "YQ"}]}]
)
def test_keys_that_cannot_be_read_accept_nothing(answer: Any) -> None:
    with published(answer) as (address, _):
        tokens = AccessTokens(Issuer(NAME, AUDIENCE, address))
        with pytest.raises((KeysUnavailable, TokenFault)):
            tokens.verified(signed(), NOON)


def test_settings_of_an_issuer_are_whole_or_refused() -> None:
    assert Issuer.from_environment({}) is None
    told = {"TRANCHE_TOKEN_ISSUER": NAME + "/", "TRANCHE_TOKEN_AUDIENCE": AUDIENCE}
    assert Issuer.from_environment(told) == Issuer(NAME + "/", AUDIENCE, f"{NAME}/.well-known/jwks.json")
    with pytest.raises(SettingFault, match="TRANCHE_TOKEN_AUDIENCE is not set"):
        Issuer.from_environment({"TRANCHE_TOKEN_ISSUER": NAME})
    with pytest.raises(SettingFault, match="TRANCHE_TOKEN_KEYS must start with https"):
        Issuer.from_environment(told | {"TRANCHE_TOKEN_KEYS": "http://login.example/jwks"})


def test_the_api_takes_a_token_in_place_of_a_key(
    settings: Settings, connection: psycopg.Connection[Any], issuer: Issuer
) -> None:
    a_merchants_key(connection)  # the principal m-1-shop
    with running(replace(settings, issuer=issuer)) as api:

        def status(token: str, path: str = "/v1/decisions/d-none") -> int:
            return api.get(path, headers={"Authorization": f"Bearer {token}"}).status_code

        assert status(signed()) == 404, "it may read, and there is no such decision"
        assert status(signed(sub="nobody-here")) == 401
        assert status(signed(OTHER)) == 401
        assert status(signed(sub="local")) == 404
        PostgresPrincipals(connection).revoke("m-1-shop", datetime.now(UTC) - timedelta(days=3650), by=None, reason="x")
        connection.commit()
        assert status(signed()) == 401, "the platform's own revocation ends what the issuer still believes"


def test_without_an_issuer_a_token_is_a_word_that_is_no_key(settings: Settings) -> None:
    with running(settings) as api:
        answer = api.get("/v1/decisions/d-none", headers={"Authorization": f"Bearer {signed()}"})
    assert answer.status_code == 401


def test_an_issuer_that_cannot_be_read_is_said_with_when_to_come_back(settings: Settings, tmp_path: Path) -> None:
    gone = Issuer(NAME, AUDIENCE, str(tmp_path / "gone.json"))
    with running(replace(settings, issuer=gone)) as api:
        answer = api.get("/v1/decisions/d-none", headers={"Authorization": f"Bearer {signed()}"})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:tranche:problem:issuer-unavailable")
    assert answer.headers["Retry-After"] == "30"
