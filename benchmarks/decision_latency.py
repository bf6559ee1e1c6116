"""How long one decision takes: the core alone, and over HTTP with everything committed to disk.

Run from the checkout: `python -m benchmarks.decision_latency`. It starts a PostgreSQL of its own, with its usual
durability, publishes vectors of invented shoppers, promotes a model of 200 trees over the present features, starts
`tranche serve` and asks for one decision after another, then from eight connections at once.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from features.catalog import LAKE_FEATURES, MODEL_FEATURES, feature_set_digest
from features.postgres import PostgresVectors
from features.vector import FeatureVector
from ledger.money import Currency, Money
from lending.decision.decision import decide
from lending.decision.exposure import Exposure
from lending.decision.order import Channel, Order
from lending.decision.record import Inputs, decision_record
from lending.decision.score import Evidence
from lending.terms import policy_file
from lending.terms.product import Product
from lending.terms.products import product_on
from models import export, wording
from models.artefact import Model
from serving import scoring
from serving.decision_code import decision_code_digest
from serving.postgres import serving_connection

SHOPPERS = 2_000
TREES = 200
CORE_ROUNDS = 5_000
HTTP_ROUNDS = 1_500
CONNECTIONS = 8
SEED = 7


def main() -> None:
    """Measure and print; figures are in milliseconds."""
    from tranche.local.runtime import LocalRuntime

    folder = Path(tempfile.mkdtemp(prefix="tranche-bench-", dir="/tmp"))
    runtime = LocalRuntime(folder, parts=("postgres",))
    try:
        environ = runtime.up()
        chance = random.Random(SEED)  # noqa: S311 - invented shoppers
        model = promoted_model(folder / "models", chance)
        vectors = [a_vector(number, chance) for number in range(SHOPPERS)]
        with serving_connection(environ["TRANCHE_DATABASE_URL"]) as connection:
            PostgresVectors(connection).publish(vectors)
        report("core: vector in hand to recorded answer", measured_core(model, vectors))
        with serving(environ | {"TRANCHE_MODELS_DIR": str(folder / "models")}) as address:
            key = environ["TRANCHE_KEY"]
            asked(address, range(200), "warm", key)
            alone, seconds = asked(address, range(HTTP_ROUNDS), "alone", key)
            report("HTTP, durable, one connection", alone, seconds)
            crowd, seconds = asked_by_many(address, key)
            report(f"HTTP, durable, {CONNECTIONS} connections", crowd, seconds)
    finally:
        runtime.reset()
        shutil.rmtree(folder, ignore_errors=True)


def report(what: str, milliseconds: Sequence[float], seconds: float | None = None) -> None:
    p50, p99 = np.quantile(milliseconds, [0.5, 0.99])
    rate = f"   {len(milliseconds) / seconds:7.0f}/s" if seconds else ""
    print(f"{what:42}  p50 {p50:7.3f} ms   p99 {p99:7.3f} ms{rate}", flush=True)


def promoted_model(models_dir: Path, chance: random.Random) -> Model:
    """An invented additive model of the size that training makes: stumps over every feature."""
    trees = []
    for number in range(TREES):
        feature = number % len(MODEL_FEATURES)
        trees.append(
            {
                "feature": [feature, 0, 0],
                "threshold": [chance.uniform(-1e4, 1e5), 0.0, 0.0],
                "missing_left": [True, False, False],
                "left": [1, 1, 2],
                "right": [2, 1, 2],
                "value": [0.0, chance.gauss(0, 0.02), chance.gauss(0, 0.02)],
            }
        )
    model = export.assemble(
        export.join(trees),
        -3.0,
        name="benchmark",
        feature_names=MODEL_FEATURES,
        feature_set_digest=feature_set_digest(),
        slope=1.0,
        intercept=0.0,
        reference_rows=np.zeros((2, len(MODEL_FEATURES))),
        reference_population="invented",
        wording=wording.read_wording().naming(MODEL_FEATURES),
        training={"source": "benchmark"},
    )
    written = export.write(models_dir, model)
    (models_dir / "champion").write_text(written.digest + "\n", encoding="ascii")
    return written


def a_vector(number: int, chance: random.Random) -> FeatureVector:
    values: dict[str, float | None] = {feature.name: float(chance.randint(0, 1_000)) for feature in LAKE_FEATURES}
    values |= {
        "income_mean_180d": chance.uniform(2e5, 9e5),
        "obligations_mean_180d": chance.uniform(2e4, 1e5),
        "tenure_days": 400.0,
        "data_age_days": 1.0,
        "penalty_interest_180d": 0.0,
    }
    as_of = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return FeatureVector(f"a-{number}", feature_set_digest(), as_of, as_of - timedelta(days=1), values, {"curated": 1})


def measured_core(model: Model, vectors: Sequence[FeatureVector]) -> list[float]:
    """Score, apply the policy, make the offer, write the record: no input or output."""
    at, stamp, code = datetime.now(UTC), scoring.stamp(model), decision_code_digest()
    nothing = Money(0, Currency.GBP)
    exposure = Exposure(nothing, nothing, nothing)
    policy = policy_file.load_policies().holding(Currency.GBP, Product.PAY_IN_3, at.date())
    assert policy is not None
    milliseconds = []
    for number in range(CORE_ROUNDS):
        vector = vectors[number % len(vectors)]
        evidence = Evidence(
            vector.entity_id, vector.digest, vector.as_of, vector.observed_until, vector.values, vector.snapshot_ids
        )
        order = Order(
            f"o-{number}", "s", vector.entity_id, "m", Money(9_000, Currency.GBP), Product.PAY_IN_3, 2, Channel.WEB
        )
        began = time.perf_counter()
        decision = decide(
            order,
            evidence=evidence,
            exposure=exposure,
            policy=policy,
            score_order=lambda asked, known: scoring.score(model, stamp, asked, known),
            at=at,
        )
        terms = product_on(order.product, at.date()).stamp
        inputs = Inputs(
            order, at, evidence, exposure, policy.policy_id, policy.version, policy.digest, stamp, code, terms
        )
        decision_record(inputs, decision, policy)
        milliseconds.append((time.perf_counter() - began) * 1_000)
    return milliseconds


@contextmanager
def serving(environ: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "tranche", "serve", "--json"]
    # Without an endpoint it would make a local runtime, and leave it running as the current profile.
    elsewhere = {"TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1"}
    process = subprocess.Popen(command, env=os.environ | elsewhere | environ, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.terminate()
        process.wait()


def asked(address: str, numbers: Sequence[int], name: str, key: str) -> tuple[list[float], float]:
    """One decision after another over one connection."""
    milliseconds = []
    start = time.perf_counter()
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}) as client:
        for number in numbers:
            body = an_order(number, name)
            began = time.perf_counter()
            reply = client.post("/v1/decisions", json=body, headers={"Idempotency-Key": str(body["order_id"])})
            milliseconds.append((time.perf_counter() - began) * 1_000)
            assert reply.status_code == 201, reply.text
    return milliseconds, time.perf_counter() - start


def asked_by_many(address: str, key: str) -> tuple[list[float], float]:
    """The same from several connections at once; the callers share this machine's cores with the server."""
    start = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        parts = list(threads.map(lambda each: asked(address, range(each, HTTP_ROUNDS, CONNECTIONS), "many", key)[0],
                                 range(CONNECTIONS)))  # fmt: skip
    return [each for part in parts for each in part], time.perf_counter() - start


def an_order(number: int, name: str) -> dict[str, Any]:
    shopper = number % SHOPPERS
    return {
        "order_id": f"{name}-{number}",
        "shopper_id": f"s-{shopper}",
        "account_id": f"a-{shopper}",
        "merchant_id": "m-1",
        "amount_minor": 9_000,
        "currency": "GBP",
        "product": "pay_in_3",
        "channel": "web",
    }


if __name__ == "__main__":
    main()
