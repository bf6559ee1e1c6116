"""The keys that an issuer signs its tokens with, read from where it publishes them and read again when they change."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from serving.entrance.access_token import KeysUnavailable

KEPT_SECONDS = 600.0
"""How long a key set is used before it is read again; a key that was withdrawn is believed for as long."""

SOONEST_SECONDS = 30.0
"""How long after a reading the next one may be, so that tokens with invented key ids cannot make the API read more."""

_LARGEST = 256 * 1024
_WAIT_SECONDS = 2.0


class SigningKeys:
    """The key set at an address or in a file.

    A key id that is not in it makes it read once more, at most every `SOONEST_SECONDS`: that is how a new key of the
    issuer becomes known. While the issuer does not answer, the set that was read last stays in use.
    """

    def __init__(self, place: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._names: frozenset[str] = frozenset()
        self._read_at = -KEPT_SECONDS

    def holding(self, key_id: str | None) -> KeySet:
        """The key set, read again first if it is old or lacks the key. Raises KeysUnavailable."""
        with self._lock:
            age = self._monotonic() - self._read_at
            if age >= KEPT_SECONDS or (key_id not in self._names and age >= SOONEST_SECONDS):
                self._read()
            if self._keys is None:
                raise KeysUnavailable("the issuer's keys cannot be read; no token is accepted until they can")
            return self._keys

    def _read(self) -> None:
        self._read_at = self._monotonic()
        try:
            tree = json.loads(self._text())
            keys = KeySet.import_key_set(_public(tree))
        except (OSError, httpx.HTTPError, ValueError, TypeError, KeyError, JoseError) as error:
            if self._keys is None:
                raise KeysUnavailable(f"the issuer's keys at {self._place} cannot be read: {error}") from error
            return
        self._keys, self._names = keys, frozenset(str(key.kid) for key in keys.keys if key.kid)

    def _text(self) -> bytes:
        if "://" not in self._place:
            return Path(self._place).read_bytes()[: _LARGEST + 1]
        with httpx.stream("GET", self._place, timeout=_WAIT_SECONDS, follow_redirects=False) as answer:
            answer.raise_for_status()
            text = b""
            for part in answer.iter_bytes():
                text += part
                if len(text) > _LARGEST:
                    raise ValueError(f"is larger than {_LARGEST} bytes")
            return text


def _public(tree: dict[str, Any]) -> Any:
    """The set without keys for other uses, and without shared secrets, which would let anyone who verifies sign."""
    signing = [key for key in tree["keys"] if key["kty"] != "oct" and key.get("use", "sig") == "sig"]
    return {"keys": signing}
