"""Calls to Kinesis: asked again where that helps, by this one layer alone, and faults that say what to mend."""

from __future__ import annotations

from collections.abc import Callable
from secrets import SystemRandom
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from pipelines.streams.stream import StreamFault

# Patience grows with each round in which nothing gets through, up to the longest wait.
_FIRST_WAIT = 0.05
_LONGEST_WAIT = 5.0
_ROUNDS_THROTTLED = 20
_ROUNDS_BROKEN = 6
_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "ThrottlingException",
    "KMSThrottlingException",
}
_BROKEN = {"InternalFailure", "InternalFailureException", "InternalServerError", "ServiceUnavailable"}
# Several who were refused together must not come back together.
at_random = SystemRandom().random
_SETTINGS = "(settings TRANCHE_AWS_ENDPOINT, TRANCHE_AWS_REGION)"


class NoStream(StreamFault):
    """The service knows nothing under that name: no stream, or no such shard of it."""


class NotNow(Exception):
    """The service was asked too much, or did not answer; the same call may get through later."""

    def __init__(self, said: str, rounds: int = _ROUNDS_THROTTLED) -> None:
        super().__init__(said)
        self.rounds = rounds


class Calls:
    """The operations of a client on one stream.

    `sleep` is handed in, so that tests of patience need none; so is `jitter`, the part of each wait that is waited:
    a random one, so that several who were refused together do not come back together.
    """

    def __init__(
        self,
        client: Any,
        stream: str,
        sleep: Callable[[float], None],
        jitter: Callable[[], float] = at_random,
    ) -> None:
        self._client = client
        self._stream = stream
        self._sleep = sleep
        self._jitter = jitter

    def patiently(self, operation: str, **arguments: Any) -> Any:
        """Call until it gets through; StreamFault when patience ends."""
        rounds = 0
        while True:
            try:
                return self.once(operation, **arguments)
            except NotNow as refused:
                rounds += 1
                self.wait(rounds, refused, f"gave no answer to {operation}")

    def once(self, operation: str, **arguments: Any) -> Any:
        """Call once; NotNow when a later call may get through, StreamFault for what a person can mend."""
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            code = code_of(error)
            if code in _THROTTLED:
                raise NotNow(code) from error
            if code in _BROKEN:
                raise NotNow(code, _ROUNDS_BROKEN) from error
            if code == "ResourceNotFoundException":
                raise NoStream(
                    f"there is no stream {self._stream} at {self._client.meta.endpoint_url}; "
                    f"the setting TRANCHE_STREAM names it, for example TRANCHE_STREAM=tranche-events"
                ) from error
            raise
        except HTTPClientError as error:
            raise NotNow(f"{error} {_SETTINGS}", _ROUNDS_BROKEN) from error
        except BotoCoreError as error:
            raise StreamFault(f"stream {self._stream} cannot be reached {_SETTINGS}: {error}") from error

    def wait(self, rounds: int, refused: NotNow, what: str) -> None:
        """Wait before the next round; StreamFault after too many that brought nothing."""
        if rounds > refused.rounds:
            raise StreamFault(f"stream {self._stream} {what} {rounds} times: {refused}") from refused
        self._sleep(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (rounds - 1)) * self._jitter())


def code_of(error: ClientError) -> str:
    """The service's own word for what was wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))
