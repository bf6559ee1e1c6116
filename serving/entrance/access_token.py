"""An OAuth 2 access token: who verifies it, and what it says once it was verified."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from terminal.fault import Fault


class TokenFault(Fault):
    """Raised for a token that is not accepted, with the reason."""


class KeysUnavailable(Fault):
    """Raised when the issuer's key set cannot be read, and none was read before."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that was verified: the principal that it names, and when it ends."""

    principal_id: str
    ends_at: datetime


def looks_like_token(text: str) -> bool:
    """Whether a bearer's text is a token: three parts with dots between. A key of ours has none.

    >>> looks_like_token("a.b.c"), looks_like_token("trk_abc")
    (True, False)
    """
    return text.count(".") == 2


class TokenVerifier(Protocol):
    """Verifies the tokens of one issuer."""

    def verified(self, token: str, at: datetime) -> AccessToken:
        """The token's principal and end. Raises TokenFault, or KeysUnavailable."""
