"""Maps errors to HTTP problems (RFC 9457): a stable type, a sentence, the faulty field, and no stack trace."""

import logging
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from orjson import dumps
from starlette.exceptions import HTTPException

from serving.postgres import Busy, Unavailable
from serving.security_headers import API_HEADERS

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:tranche:problem:"

log = logging.getLogger("tranche.serving")


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One faulty field: a JSON pointer into the body or the name of a header, and what is wrong."""

    field: str
    reason: str


class Problem(Exception):
    """An error answer over HTTP. A `code` keeps its meaning for good; `detail` is for people."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        faults: tuple[FieldFault, ...] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = faults
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class ProblemBody:
    """The body of every error, as documented in OpenAPI."""

    type: str
    title: str
    status: int
    detail: str
    trace_id: str
    errors: list[FieldFault] = field(default_factory=list)


def problem_response(problem: Problem) -> Response:
    """The problem as a response."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "trace_id": uuid.uuid4().hex,
        "errors": [{"field": fault.field, "reason": fault.reason} for fault in problem.faults],
    }
    retry = problem.retry_after_seconds
    headers = API_HEADERS | ({} if retry is None else {"Retry-After": str(retry)})
    if problem.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status.value >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s %s trace_id=%s", problem.code, problem.detail, body["trace_id"], exc_info=problem.__cause__)
    return Response(dumps(body), problem.status.value, headers, MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""

    @app.exception_handler(Problem)
    def known(_: Request, problem: Problem) -> Response:
        return problem_response(problem)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        return problem_response(from_validation(error))

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        answer = problem_response(Problem(status, status.name.lower().replace("_", "-"), str(error.detail)))
        answer.headers.update(error.headers or {})  # which methods there are, where this one is not
        return answer

    @app.exception_handler(Unavailable)
    def unavailable(_: Request, error: Unavailable) -> Response:
        problem = Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "database-unavailable",
            "The database cannot be reached; nothing was changed. Send the same request again.",
            retry_after_seconds=1,
        )
        problem.__cause__ = error
        return problem_response(problem)

    @app.exception_handler(Busy)
    def busy(_: Request, _error: Busy) -> Response:
        detail = "The same key or the same shopper is being decided right now. Send the same request again."
        return problem_response(Problem(HTTPStatus.CONFLICT, "in-progress", detail, retry_after_seconds=1))

    @app.exception_handler(Exception)
    def unexpected(_: Request, error: Exception) -> Response:
        problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected", "Something unexpected went wrong here.")
        problem.__cause__ = error
        return problem_response(problem)


def from_validation(error: RequestValidationError) -> Problem:
    """A problem that names each field; 400 for a missing or unusable header and for broken JSON, otherwise 422."""
    faults, malformed = [], False
    for fault in error.errors():
        place, *path = fault["loc"]
        header = place == "header"
        malformed |= header or fault["type"] == "json_invalid"
        name = str(path[0]) if header and path else "/" + "/".join(str(part) for part in path)
        if fault["type"] == "json_invalid":
            faults.append(FieldFault("/", f"is not JSON: {fault['ctx']['error']} at character {path[0]}"))
        else:
            faults.append(FieldFault(name, str(fault["msg"])))
    status = HTTPStatus.BAD_REQUEST if malformed else HTTPStatus.UNPROCESSABLE_ENTITY
    detail = "; ".join(f"{fault.field}: {fault.reason}" for fault in faults)
    return Problem(status, "malformed" if malformed else "invalid", detail, tuple(faults))
