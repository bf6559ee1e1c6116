"""Builders for the API: a small proven model, a shopper's vector, an order's body and a running app."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn
from fastapi import FastAPI

from features.catalog import LAKE_FEATURES, feature_set_digest
from features.postgres import PostgresVectors
from features.vector import FeatureVector
from ledger.identity.change_keys import By, make_key
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import LOCAL, Principal, add_principal
from models.artefact import Model
from serving.app import create_app
from serving.decisions import Desk
from serving.settings import Settings
from tests.models.builders import a_model, a_promoted_model
from tests.waiting import until

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

# feature -> (threshold, log-odds at most it or unknown, log-odds above it)
STEPS = {
    "balance_low_90d": (0.0, 2.5, -1.0),
    "overdraft_days_180d": (2.0, -0.5, 1.5),
    "instalment_to_income": (0.3, -0.2, 0.4),
}

COMFORTABLE = {
    "income_mean_180d": 1_000_000.0,
    "obligations_mean_180d": 100_000.0,
    "tenure_days": 400.0,
    "data_age_days": 1.0,
    "balance_low_90d": 50_000.0,
}


def promoted(models_dir: Path, shift: float = 0.0) -> Model:
    """A model over the present features, made champion; `shift` makes it another one."""
    steps = {name: (threshold, low + shift, high + shift) for name, (threshold, low, high) in STEPS.items()}
    return a_promoted_model(models_dir, a_model(steps, digest=feature_set_digest()))


def publish(
    connection: psycopg.Connection[Any], account_id: str = "a-1", at: datetime = NOON, **values: float | None
) -> None:
    """Publish the vector of a comfortable shopper, changed by `values`, as of the morning of `at`."""
    known: dict[str, float | None] = {feature.name: 0.0 for feature in LAKE_FEATURES} | COMFORTABLE | values
    as_of = at.replace(hour=0)
    vector = FeatureVector(
        account_id, feature_set_digest(), as_of, as_of - timedelta(days=1), known, {"curated.bank": 7}
    )
    PostgresVectors(connection).publish([vector])
    connection.commit()


def an_order_body(**other: Any) -> dict[str, Any]:
    body = {
        "order_id": "o-1",
        "shopper_id": "s-1",
        "account_id": "a-1",
        "merchant_id": "m-1",
        "amount_minor": 9_000,
        "currency": "GBP",
        "product": "pay_in_3",
        "channel": "web",
    }
    return body | other


class Api(httpx.Client):
    """A client of the app, which really listens; it sends a key of the principal `local`, or nobody's without one."""

    def __init__(self, address: str, app: FastAPI, key: str) -> None:
        super().__init__(base_url=address, timeout=60, headers={"Authorization": f"Bearer {key}"})
        self.app = app
        self.desk: Desk = app.state.desk


LOCAL_PRINCIPAL = Principal(LOCAL, "owner", NOON)


def local_key(database_url: str) -> str:
    """Another key of the principal `local`; a word that is no key where there is no database."""
    try:
        with psycopg.connect(database_url) as connection:
            by = By(LOCAL, NOON)
            return make_key(LOCAL, by, expires_at=None, principals=PostgresPrincipals(connection)).secret
    except psycopg.OperationalError:
        return "trk_nobody"


def a_merchants_key(connection: psycopg.Connection[Any], merchant_id: str = "m-1", role: str = "shop") -> str:
    """The key of a merchant's own principal."""
    principals, who = PostgresPrincipals(connection), f"{merchant_id}-{role}"
    key = add_principal(who, role, expires_at=None, principals=principals, at=NOON, merchant_id=merchant_id)
    connection.commit()
    return key


@contextmanager
def running(settings: Settings, at: datetime = NOON) -> Iterator[Api]:
    """The app on a free port, its clock standing still."""
    with listening(create_app(settings, clock=lambda: at)) as api:
        yield api


@contextmanager
def listening(app: FastAPI) -> Iterator[Api]:
    """An app on a free port of the loopback, in a thread that is joined at the end."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        port = server.servers[0].sockets[0].getsockname()[1]
        with Api(f"http://127.0.0.1:{port}", app, local_key(app.state.settings.database_url)) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(timeout=30)


def count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.rollback()
    assert row is not None
    return int(row[0])


KEPT = ("lending.decisions", "lending.decision_reasons", "lending.reservations", "lending.exposure_locks",
        "ledger.outbox", "serving.idempotency_keys")  # fmt: skip


def kept(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows a decision left where."""
    return {table: count(connection, table) for table in KEPT}
