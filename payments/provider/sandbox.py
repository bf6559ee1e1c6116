"""Client of the simulated world's provider, over HTTP. Without a reliable answer, the outcome is unknown."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ledger.money import Currency, Money
from payments.ids import AttemptId, RefundPaymentId
from payments.provider.charge import (
    ChargeRefusalCode,
    ChargeRefused,
    ChargeRequest,
    ChargeResult,
    EnquiryResult,
    NotKnown,
    RefundRequest,
    Succeeded,
    Unknown,
)

CODES: Mapping[str, ChargeRefusalCode] = {
    "insufficient_funds": ChargeRefusalCode.INSUFFICIENT_FUNDS,
    "limit_exceeded": ChargeRefusalCode.LIMIT_EXCEEDED,
    "expired_card": ChargeRefusalCode.CARD_EXPIRED,
    "invalid_number": ChargeRefusalCode.DETAILS_WRONG,
    "account_closed": ChargeRefusalCode.ACCOUNT_CLOSED,
    "revocation_of_authorisation": ChargeRefusalCode.MANDATE_GONE,
    "fraudulent": ChargeRefusalCode.SUSPECTED_FRAUD,
}
"""The vendor's decline codes and ours; any other code is `UNRECOGNISED`, never guessed."""


class SandboxProvider:
    """A provider at an HTTP address. `seconds` is the timeout for an answer, after which the outcome is unknown."""

    name = "sandbox"

    def __init__(self, address: str, seconds: float = 5.0) -> None:
        self._client = httpx.Client(base_url=address, timeout=seconds, limits=httpx.Limits(max_connections=16))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """See `Provider.charge`: the idempotency key is the attempt's id."""
        body = {
            "amount_minor": request.amount.minor,
            "currency": request.amount.currency.value,
            "shopper_id": request.shopper_id,
            "instalment_id": request.instalment_id,
            "requested_on": request.requested_on.isoformat(),
        }
        return self._post("/charges", request.attempt_id, body)

    def refund(self, request: RefundRequest) -> ChargeResult:
        """See `Provider.refund`: the idempotency key is the payment's id."""
        body = {
            "amount_minor": request.amount.minor,
            "currency": request.amount.currency.value,
            "shopper_id": request.shopper_id,
            "requested_on": request.requested_on.isoformat(),
        }
        return self._post("/refunds", request.payment_id, body)

    def enquire_refund(self, payment_id: RefundPaymentId) -> EnquiryResult:
        """See `Provider.enquire_refund`."""
        return self._get("/refunds", payment_id)

    def enquire(self, attempt_id: AttemptId) -> EnquiryResult:
        """See `Provider.enquire`."""
        return self._get("/charges", attempt_id)

    def _post(self, path: str, key: str, body: Mapping[str, object]) -> ChargeResult:
        try:
            reply = self._client.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx.HTTPError as error:
            return Unknown(key, f"no answer: {type(error).__name__}")
        if reply.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            return ChargeRefused(key, ChargeRefusalCode.REQUEST_MALFORMED, reply.text[:500], reply.text)
        # A conflict means that the key was used with other content; only an enquiry can show with which.
        return _outcome(key, reply)

    def _get(self, path: str, key: str) -> EnquiryResult:
        try:
            reply = self._client.get(f"{path}/{quote(key, safe='')}")
        except httpx.HTTPError as error:
            return Unknown(key, f"no answer: {type(error).__name__}")
        if reply.status_code == HTTPStatus.NOT_FOUND and _says(reply).get("error") == "no_such_charge":
            return NotKnown(key, reply.text)
        return _outcome(key, reply)


def _outcome(attempt_id: str, reply: httpx.Response) -> ChargeResult:
    """The result of a reply; Unknown if the reply states no outcome."""
    said = _says(reply)
    try:
        if said.get("status") in ("captured", "refunded"):
            amount = Money(int(said["amount_minor"]), Currency(said["currency"]))
            captured_on = date.fromisoformat(said["captured_on"])
            return Succeeded(attempt_id, str(said["reference"]), amount, captured_on, reply.text)
        if said.get("status") == "declined":
            code = str(said.get("code"))
            return ChargeRefused(attempt_id, CODES.get(code, ChargeRefusalCode.UNRECOGNISED), code, reply.text)
    except (KeyError, TypeError, ValueError) as error:
        return Unknown(attempt_id, f"the answer cannot be read: {error!r}", reply.text)
    if isinstance(said.get("status"), str):
        return Unknown(attempt_id, f"the status {said['status'][:60]!r} is not known", reply.text, unrecognised=True)
    return Unknown(attempt_id, f"answered {reply.status_code}", reply.text)


def _says(reply: httpx.Response) -> dict[str, Any]:
    try:
        said = reply.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
