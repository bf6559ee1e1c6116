"""Which port the decision API takes."""

import socket
from contextlib import ExitStack

import pytest

from serving import listen as module
from serving.listen import PortTaken, listen


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port that nothing listens on, as the usual one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    monkeypatch.setattr(module, "PORT", port)
    return port


def test_the_usual_port_is_taken_when_it_is_free_and_the_next_free_one_otherwise(usual: int) -> None:
    with ExitStack() as listeners:
        ports = [listeners.enter_context(listen("127.0.0.1", None)).getsockname()[1] for _ in range(2)]

    assert ports[0] == usual
    assert usual < ports[1] < usual + module.PORTS_TRIED


def test_a_port_that_was_asked_for_is_taken_or_refused_and_never_another_one(usual: int) -> None:
    with listen("127.0.0.1", usual) as listener:
        assert listener.getsockname()[1] == usual
        with pytest.raises(PortTaken, match=f"port {usual} of 127.0.0.1 is taken"):
            listen("127.0.0.1", usual)


def test_port_nought_takes_any_free_one(usual: int) -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(PortTaken, match=r"203\.0\.113\.7:8123 cannot be listened on"):
        listen("203.0.113.7", 8123)


def test_when_every_port_is_taken_it_says_how_to_name_another(usual: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PORTS_TRIED", 1)
    with listen("127.0.0.1", None), pytest.raises(PortTaken, match="--port names another"):
        listen("127.0.0.1", None)
