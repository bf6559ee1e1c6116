"""Who sends a request, and whether its role may: the principal of the key or token in `Authorization: Bearer`.

Every route but health and the pages depends on a `RouteGate`, which names what the route needs of a role; a test walks
the routes and fails for one without.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from math import ceil
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ledger.identity.authority import Right, Role, authority_file
from ledger.identity.key import Key, hash_of_key
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import KnownKey, Principal, PrincipalFault
from serving.entrance.access_record import PURPOSE, AccessRecord, purpose_of, subject_of
from serving.entrance.access_token import AccessToken, KeysUnavailable, TokenFault, TokenVerifier, looks_like_token
from serving.entrance.postgres_accesses import PostgresAccesses
from serving.entrance.request_rate import RequestRate
from serving.postgres import Lost, Pool, transaction
from serving.problems import Problem

KEPT_SECONDS = 2.0
"""How long a decision may be asked for with a key after it was revoked; every other route reads the key each time."""

_MOST_KEPT = 10_000

_bearer = HTTPBearer(
    auto_error=False,
    description=(
        "A principal's key, as `tranche ledger add-principal` printed it, or an access token of the lender's identity"
        " provider that names a principal."
    ),
)


class KeyRing:
    """The keys in the database, and those read in the last seconds. Expiry is judged anew each time."""

    def __init__(
        self,
        pool: Pool,
        seconds: float = KEPT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        tokens: TokenVerifier | None = None,
    ) -> None:
        self._pool = pool
        self._tokens = tokens
        self._seconds = seconds
        self._monotonic = monotonic
        self._kept: OrderedDict[bytes, tuple[float, KnownKey]] = OrderedDict()

    def remembered(self, bearer: str) -> KnownKey | None:
        """The key or token as it was read in the last seconds, if it was."""
        kept = self._kept.get(hash_of_key(bearer))
        return None if kept is None or self._monotonic() >= kept[0] else kept[1]

    def read(self, bearer: str, at: datetime) -> KnownKey:
        """The key or token with its principal as the database has it now. Read once more after a lost connection.

        Raises PrincipalFault where no principal has it, TokenFault for a token that is not accepted, and
        KeysUnavailable when that cannot be told.
        """
        began, key_hash = self._monotonic(), hash_of_key(bearer)
        find = self._of_key
        if self._tokens is not None and looks_like_token(bearer):
            find = partial(self._of_token, self._tokens.verified(bearer, at))
        try:
            known = find(key_hash)
        except Lost:
            known = find(key_hash)
        self._kept.pop(key_hash, None)
        if known is None:
            raise PrincipalFault("no principal has it")
        self._kept[key_hash] = (began + self._seconds, known)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return known

    def _of_key(self, key_hash: bytes) -> KnownKey | None:
        with transaction(self._pool) as connection:
            return PostgresPrincipals(connection).by_key(key_hash)

    def _of_token(self, token: AccessToken, key_hash: bytes) -> KnownKey | None:
        """The token as a key of the principal that it names, which ends when the token does."""
        with transaction(self._pool) as connection:
            principal = PostgresPrincipals(connection).by_id(token.principal_id)
        if principal is None:
            return None
        name = f"{principal.principal_id}.token-{key_hash.hex()[:8]}"
        return KnownKey(principal, Key(name, principal.principal_id, principal.added_at, token.ends_at))


class RouteGate:
    """Lets a request through with the principal that sends it; a Problem 401 without a valid key, 403 for its role.

    `needs` is a right, or the name of an act on plans. `kept`: a key read in the last seconds will do. A GET of a
    route that needs `read` or `referrals` is put on record, with its purpose, before anything is read.
    """

    def __init__(self, needs: Right | str, *, kept: bool = False) -> None:
        self.needs = needs
        self._kept = kept

    def lets(self, role: Role) -> bool:
        """Whether a principal of this role may come through."""
        return role.has(self.needs) if isinstance(self.needs, Right) else role.does.names(self.needs)

    async def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Principal:
        if credentials is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "no-key", "Send a principal's key: Authorization: Bearer KEY.")
        principal = await self._who(request, credentials.credentials)
        role = authority_file().role(principal.role)
        if not self.lets(role):
            detail = f"The role {role.name} of {principal.principal_id} may not {self.needs}."
            raise Problem(HTTPStatus.FORBIDDEN, "not-in-role", detail)
        if role.of_merchant and principal.merchant_id is None:
            detail = f"{principal.principal_id} has the role {role.name} and no merchant: add it anew with --merchant."
            raise Problem(HTTPStatus.FORBIDDEN, "no-merchant", detail)
        rate: RequestRate = request.app.state.rate
        if wait := rate.wait_for(principal.principal_id):
            detail = f"{principal.principal_id} asks more often than it may. Nothing was done; send it again later."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-often", detail, retry_after_seconds=ceil(wait))
        if self.needs in {Right.READ, Right.REFERRALS} and request.method == "GET":
            await run_in_threadpool(_put_on_record, request, principal, role)
        return principal

    async def _who(self, request: Request, bearer: str) -> Principal:
        """The principal of a key or token; a Problem 401 where it is not accepted, 503 where that cannot be told."""
        ring: KeyRing = request.app.state.keys
        at = request.app.state.clock()
        known = ring.remembered(bearer) if self._kept else None
        try:
            if known is None:
                known = await run_in_threadpool(ring.read, bearer, at)
            return known.accepted(at)
        except (PrincipalFault, TokenFault) as fault:
            raise Problem(HTTPStatus.UNAUTHORIZED, "wrong-key", f"The key is not accepted: {fault}.") from fault
        except KeysUnavailable as fault:
            detail = "The identity provider's keys cannot be read; nothing was done. Send the same request again."
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise Problem(status, "issuer-unavailable", detail, retry_after_seconds=30) from fault


def _put_on_record(request: Request, principal: Principal, role: Role) -> None:
    """Record a reading; a Problem 403 where the role may not read for its purpose, and then nothing is recorded."""
    record = AccessRecord(
        read_at=request.app.state.clock(),
        principal_id=principal.principal_id,
        purpose=purpose_of(role, request.headers.get(PURPOSE)),
        route=request.scope["route"].path,
        subject=subject_of(request.path_params, request.url.query),
    )
    with transaction(request.app.state.pool) as connection:
        PostgresAccesses(connection).add(record)


Reader = Annotated[Principal, Depends(RouteGate(Right.READ))]
"""Whoever may read decisions and plans."""
