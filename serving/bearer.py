"""Who sends a request: the principal whose key it carries as `Authorization: Bearer`."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import Principal, PrincipalFault, identify
from serving.decisions import Desk
from serving.postgres import transaction
from serving.problems import Problem

_bearer = HTTPBearer(auto_error=False, description="A principal's key, as `tranche ledger add-principal` printed it.")


def bearer(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """The principal whose key the request carries; a Problem 401 without a valid one."""
    if credentials is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "no-key", "Send a principal's key: Authorization: Bearer KEY.")
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        principals = PostgresPrincipals(connection)
        try:
            return identify(credentials.credentials, principals=principals, at=desk.clock())
        except PrincipalFault as fault:
            raise Problem(HTTPStatus.UNAUTHORIZED, "wrong-key", f"The key is not accepted: {fault}.") from fault


By = Annotated[Principal, Depends(bearer)]
