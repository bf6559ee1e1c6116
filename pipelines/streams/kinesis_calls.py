"""Calls to Kinesis with retries, in this layer only, and with faults that say what to fix."""

from __future__ import annotations

from collections.abc import Callable
from secrets import SystemRandom
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from pipelines.streams.stream import StreamFault

# The wait grows with each round in which no call succeeds, up to the longest one.
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
# Clients that were throttled together must not retry at the same time.
at_random = SystemRandom().random
_SETTINGS = "(settings TRANCHE_AWS_ENDPOINT, TRANCHE_AWS_REGION)"


class NoStream(StreamFault):
    """Raised if there is no stream or no shard with that name."""


class NotNow(Exception):
    """Raised if the service throttled a call or did not answer; the same call may succeed later."""

    def __init__(self, said: str, rounds: int = _ROUNDS_THROTTLED) -> None:
        super().__init__(said)
        self.rounds = rounds


class Calls:
    """The operations of a client on one stream.

    `sleep` is an argument so that tests need not wait. `jitter` gives the fraction of each wait to sleep; it is random,
    so that clients that were throttled together do not retry at the same time.
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
        """Call until it succeeds; raises StreamFault after too many tries."""
        rounds = 0
        while True:
            try:
                return self.once(operation, **arguments)
            except NotNow as refused:
                rounds += 1
                self.wait(rounds, refused, f"gave no answer to {operation}")

    def once(self, operation: str, **arguments: Any) -> Any:
        """Call once; raises NotNow if a later call may succeed, StreamFault for what a person has to fix."""
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
        """Wait before the next round; raises StreamFault after too many rounds without success."""
        if rounds > refused.rounds:
            raise StreamFault(f"stream {self._stream} {what} {rounds} times: {refused}") from refused
        self._sleep(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (rounds - 1)) * self._jitter())


def code_of(error: ClientError) -> str:
    """The service's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))
