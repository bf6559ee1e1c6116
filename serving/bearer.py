"""Who sends a request, and whether its role may: the principal whose key it carries as `Authorization: Bearer`.

Every route but health and the pages depends on a `RouteGate`, which names what the route needs of a role; a test walks
the routes and fails for one without.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ledger.identity.authority import Right, Role, authority_file
from ledger.identity.key import hash_of_key
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import KnownKey, Principal, PrincipalFault
from serving.postgres import Lost, Pool, transaction
from serving.problems import Problem

KEPT_SECONDS = 2.0
"""How long a decision may be asked for with a key after it was revoked; every other route reads the key each time."""

_MOST_KEPT = 10_000

_bearer = HTTPBearer(auto_error=False, description="A principal's key, as `tranche ledger add-principal` printed it.")


class KeyRing:
    """The keys in the database, and those read in the last seconds. Expiry is judged anew each time."""

    def __init__(
        self, pool: Pool, seconds: float = KEPT_SECONDS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._seconds = seconds
        self._monotonic = monotonic
        self._kept: OrderedDict[bytes, tuple[float, KnownKey]] = OrderedDict()

    def remembered(self, key_hash: bytes) -> KnownKey | None:
        """The key as it was read in the last seconds, if it was."""
        kept = self._kept.get(key_hash)
        return None if kept is None or self._monotonic() >= kept[0] else kept[1]

    def read(self, key_hash: bytes) -> KnownKey | None:
        """The key as the database has it now. Read once more after a lost connection."""
        began = self._monotonic()
        try:
            known = self._read(key_hash)
        except Lost:
            known = self._read(key_hash)
        self._kept.pop(key_hash, None)
        if known is not None:
            self._kept[key_hash] = (began + self._seconds, known)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return known

    def _read(self, key_hash: bytes) -> KnownKey | None:
        with transaction(self._pool) as connection:
            return PostgresPrincipals(connection).by_key(key_hash)


class RouteGate:
    """Lets a request through with the principal that sends it; a Problem 401 without a valid key, 403 for its role.

    `needs` is a right, or the name of an act on plans. `kept`: a key read in the last seconds will do.
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
        ring: KeyRing = request.app.state.keys
        key_hash = hash_of_key(credentials.credentials)
        known = ring.remembered(key_hash) if self._kept else None
        if known is None:
            known = await run_in_threadpool(ring.read, key_hash)
        if known is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "wrong-key", "The key is not accepted: no principal has this key.")
        try:
            principal = known.accepted(request.app.state.clock())
        except PrincipalFault as fault:
            raise Problem(HTTPStatus.UNAUTHORIZED, "wrong-key", f"The key is not accepted: {fault}.") from fault
        role = authority_file().role(principal.role)
        if not self.lets(role):
            detail = f"The role {role.name} of {principal.principal_id} may not {self.needs}."
            raise Problem(HTTPStatus.FORBIDDEN, "not-in-role", detail)
        if role.of_merchant and principal.merchant_id is None:
            detail = f"{principal.principal_id} has the role {role.name} and no merchant: add it anew with --merchant."
            raise Problem(HTTPStatus.FORBIDDEN, "no-merchant", detail)
        return principal


Reader = Annotated[Principal, Depends(RouteGate(Right.READ))]
"""Whoever may read decisions and plans."""
