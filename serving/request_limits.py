"""What no request may be, whatever it asks: too large, nested too deep, or with characters or numbers that harm."""

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.entrance.card_number import card_number_in, card_number_in_id
from serving.problems import FieldFault, Problem, problem_response

DEEPEST = 32
"""Levels of arrays and objects in a body; what the API takes has four."""

# C0, DEL and C1: no id, key or sentence has them, and they break logs, files and the database's text.
CONTROL = r"\x00-\x1f\x7f-\x9f"
PRINTABLE = rf"^[^{CONTROL}]*$"
"""The pattern of text that a person wrote, in one line."""

_CONTROL = re.compile(f"[{CONTROL}]")
_MANY_DIGITS = re.compile(rb"[0-9](?:[ -]?[0-9]){12}")
_IDS_OF_ORDER = frozenset({"/order_id", "/shopper_id", "/account_id", "/application_id"})
"""Judged by the route that takes orders, because a merchant may have ids that look like card numbers."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


def nested(body: bytes) -> int:
    """How deep the arrays and objects of a JSON text are nested, without reading it as JSON.

    >>> nested(b'{"a": [1, {"b": "]}"}]}'), nested(b'"[[["'), nested(b"[[")
    (3, 0, 2)
    """
    deepest = depth = 0
    for token in _TOKEN.findall(body):
        if token in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in b"]}":
            depth -= 1
    return deepest


class RequestLimits:
    """ASGI middleware that reads a body of up to `largest` bytes, and refuses what no route would take.

    413 for a larger body, even when its length is not declared; 400 for one that is nested too deep and for control
    characters in the path or the query; 422 for a card number in the address or in a text of the body.
    """

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = unquote_to_bytes(scope["query_string"]).decode("utf-8", "replace")
        if _CONTROL.search(scope["path"]) or _CONTROL.search(query):
            detail = "The path or the query has a control character."
            await problem_response(Problem(HTTPStatus.BAD_REQUEST, "malformed", detail))(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        body = b"" if announced.isdigit() and int(announced) > self._largest else await self._body(receive)
        if body is None:
            return  # the caller is gone
        if len(body) > self._largest or (announced.isdigit() and int(announced) > self._largest):
            detail = f"The body is larger than {self._largest} bytes."
            problem = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)
            await problem_response(problem)(scope, receive, send)
            return
        # As many levels need as many brackets, which are counted faster than levels.
        if body.count(b"[") + body.count(b"{") > DEEPEST and nested(body) > DEEPEST:
            detail = f"The body is nested more than {DEEPEST} levels deep."
            await problem_response(Problem(HTTPStatus.BAD_REQUEST, "malformed", detail))(scope, receive, send)
            return
        key = next((value for name, value in scope["headers"] if name == b"idempotency-key"), b"").decode("latin-1")
        if holders := _with_card_number({"the path": scope["path"], "the query": query, "Idempotency-Key": key}, body):
            await problem_response(card_number_problem(*holders))(scope, receive, send)
            return
        told = False

        async def replayed() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replayed, send)

    async def _body(self, receive: Receive) -> bytes | None:
        """The body, or a little more than is allowed of it; None when the caller went away."""
        parts, size, more = list[bytes](), 0, True
        while more and size <= self._largest:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
        return b"".join(parts)


def card_number_problem(*fields: str) -> Problem:
    """The problem of a request that holds a card number in these fields; the number is not repeated."""
    faults = tuple(FieldFault(field, "holds a card number") for field in fields)
    detail = f"{', '.join(fields)} holds a card number. Card numbers are not taken anywhere, in no text and as no id."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "card-number", detail, faults)


def _with_card_number(head: Mapping[str, str], body: bytes) -> list[str]:
    """Which named parts of the head and which fields of the body hold a card number."""
    found = [name for name, text in head.items() if card_number_in_id(text)]
    if _MANY_DIGITS.search(body):  # few bodies have so many digits in a row, and only those are read here
        try:
            tree = json.loads(body)
        except ValueError:
            return found  # the route refuses it
        found += [field for field, text in _texts(tree, "") if field not in _IDS_OF_ORDER and _holds_card(field, text)]
    return found


def _texts(tree: object, at: str) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, names of fields included, with its JSON pointer."""
    if isinstance(tree, str):
        yield at or "/", tree
    elif isinstance(tree, list):
        for number, each in enumerate(tree):
            yield from _texts(each, f"{at}/{number}")
    elif isinstance(tree, dict):
        for name, each in tree.items():
            yield at or "/", name
            yield from _texts(each, f"{at}/{name}")


def _holds_card(field: str, text: str) -> bool:
    return card_number_in_id(text) if field.endswith(("_id", "_ids", "_key")) else card_number_in(text)
