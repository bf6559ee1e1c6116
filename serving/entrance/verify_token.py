"""Act: verify an access token, which is a JSON web token of the lender's identity provider that names a principal.

Imported only where an issuer is set: the library for it costs every other process 50 ms and 9 MiB.
"""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime

from joserfc import jwt
from joserfc.errors import JoseError

from serving.entrance.access_token import AccessToken, TokenFault
from serving.entrance.issuer import Issuer
from serving.entrance.signing_keys import SigningKeys

ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")
"""Signatures with a private key of the issuer. No shared secrets, and never none."""

LEEWAY_SECONDS = 60
"""By how much the clocks of issuer and API may differ."""

_LARGEST = 8 * 1024


class AccessTokens:
    """Verifies tokens of one issuer."""

    def __init__(self, issuer: Issuer, keys: SigningKeys | None = None) -> None:
        self._issuer = issuer
        self._keys = keys or SigningKeys(issuer.keys)

    def verified(self, token: str, at: datetime) -> AccessToken:
        """The token's principal and end: signature, issuer, audience and times are right at this moment.

        Raises TokenFault where one is not, and KeysUnavailable when the issuer's keys cannot be read.
        """
        if len(token) > _LARGEST:
            raise TokenFault(f"a token has at most {_LARGEST} bytes")
        keys = self._keys.holding(_key_id(token))
        required = jwt.JWTClaimsRegistry(
            now=int(at.timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer.name},
            aud={"essential": True, "value": self._issuer.audience},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            required.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenFault(str(error)) from error
        principal_id = claims.get(self._issuer.claim)
        if not isinstance(principal_id, str) or not principal_id:
            raise TokenFault(f"it has no claim {self._issuer.claim}, which names the principal")
        try:
            ends_at = datetime.fromtimestamp(int(claims["exp"]) + LEEWAY_SECONDS, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise TokenFault(f"exp: {error}") from error
        return AccessToken(principal_id, ends_at)


def _key_id(token: str) -> str | None:
    """The id of the key that the token says it was signed with; None when it cannot be read."""
    head = token.partition(".")[0]
    try:
        tree = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return None
    found = tree.get("kid") if isinstance(tree, dict) else None
    return found if isinstance(found, str) else None
