"""The provider as a process: what collection meets over HTTP, and what a kill leaves behind."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest

from ledger.money import Currency, Money
from payments.provider.charge import ChargeRefusalCode, ChargeRefused, ChargeRequest, NotKnown, Succeeded, Unknown
from payments.provider.sandbox import SandboxProvider

MONDAY = date(2026, 1, 5)
BEHAVIOUR = [
    {"account_id": "a-1", "shopper_id": "s-pays", "kind": "pays", "from_instalment": 1},
    {"account_id": "a-2", "shopper_id": "s-stops", "kind": "stops_paying", "from_instalment": 1},
    {"account_id": "a-3", "shopper_id": "s-late", "kind": "answers_late", "from_instalment": 1},
]


@contextmanager
def a_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    words = ["simulation", "serve", "--port", "0", "--var", str(folder), "--seed", "7"]
    command = [sys.executable, "-m", "tranche", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["address"], process
        finally:
            process.send_signal(signal.SIGTERM)


def a_request(shopper: str, minor: int = 25_00) -> ChargeRequest:
    attempt_id = f"p-d-{shopper}/1#1"
    return ChargeRequest(
        attempt_id, f"p-d-{shopper}", attempt_id[:-2], shopper, "a-1", Money(minor, Currency.GBP), MONDAY
    )


def test_the_provider_over_http_answers_enquires_survives_a_kill_and_ends_its_day(tmp_path: Path) -> None:
    with a_server(tmp_path) as (address, process):
        assert (tmp_path / "address").read_text().strip() == address
        assert httpx.get(f"{address}/health").json()["status"] == "ok"
        httpx.put(f"{address}/behaviour", content="\n".join(map(json.dumps, BEHAVIOUR))).raise_for_status()
        provider = SandboxProvider(address)
        paid = provider.charge(a_request("s-pays"))
        assert isinstance(paid, Succeeded)
        assert provider.charge(a_request("s-stops")) == ChargeRefused(
            "p-d-s-stops/1#1", ChargeRefusalCode.INSUFFICIENT_FUNDS, "insufficient_funds"
        )
        assert isinstance(provider.charge(a_request("s-late")), Unknown)
        assert isinstance(provider.charge(a_request("s-pays", 26_00)), Unknown), "the key has another charge"
        assert provider.enquire("p-d-nobody/1#1") == NotKnown("p-d-nobody/1#1")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert isinstance(provider.charge(a_request("s-pays")), Unknown), "no answer is not a refusal"
        provider.close()
    with a_server(tmp_path) as (address, _):
        provider = SandboxProvider(address)
        assert provider.enquire("p-d-s-pays/1#1") == paid
        assert isinstance(provider.enquire("p-d-s-late/1#1"), Succeeded)
        ended = httpx.post(f"{address}/day-end", params={"date": "2026-01-05"}).json()
        assert ended["files"] == ["settlement-2026-01-05-GBP.csv"]
        assert (tmp_path / "inbox" / ended["files"][0]).exists()
        assert httpx.get(f"{address}/faults").json() == {"planted": [], "pending": []}
        assert httpx.post(f"{address}/day-end", params={"date": "2026-01-04"}).status_code == 409
        provider.close()


def test_a_provider_that_never_answers_leaves_the_outcome_unknown(unused_tcp_listener: str) -> None:
    provider = SandboxProvider(unused_tcp_listener, seconds=0.2)

    assert isinstance(provider.charge(a_request("s-pays")), Unknown)
    assert isinstance(provider.enquire("p-d-s-pays/1#1"), Unknown)
    provider.close()


@pytest.fixture
def unused_tcp_listener() -> Iterator[str]:
    """An address that takes connections and never says anything."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
