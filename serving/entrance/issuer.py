"""Who issues access tokens: the lender's identity provider, by its name, its audience and where its keys are."""

from collections.abc import Mapping
from dataclasses import dataclass

from terminal.environment import SettingFault, optional

_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")


@dataclass(frozen=True, slots=True)
class Issuer:
    """An OpenID Connect provider. `keys` is the address of its key set (JWKS), or the path of a file that holds one.

    `claim` names the claim of a token that is the id of a principal.
    """

    name: str
    audience: str
    keys: str
    claim: str = "sub"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Issuer | None":
        """The issuer of this process's settings, None where there is none; `SettingFault` for one told by halves."""
        name = optional(environ, "TRANCHE_TOKEN_ISSUER", "")
        if not name:
            return None
        audience = optional(environ, "TRANCHE_TOKEN_AUDIENCE", "")
        if not audience:
            raise SettingFault("TRANCHE_TOKEN_AUDIENCE", "is not set, and TRANCHE_TOKEN_ISSUER is", "tranche")
        keys = optional(environ, "TRANCHE_TOKEN_KEYS", f"{name.rstrip('/')}/.well-known/jwks.json")
        if "://" in keys and not keys.startswith(("https://", *_LOOPBACK)):
            example = "https://login.example/.well-known/jwks.json"
            raise SettingFault("TRANCHE_TOKEN_KEYS", "must start with https://, or be the path of a file", example)
        return cls(name, audience, keys, optional(environ, "TRANCHE_TOKEN_CLAIM", "sub"))
