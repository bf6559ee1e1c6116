"""`GET /v1/decisions`, `/v1/plans`, `/v1/payments`, `/v1/refunds`, `/v1/payouts`: lists. `GET /v1/shoppers/{id}`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from ledger.identity.principal import Principal
from serving.bearer import Reader
from serving.cursor import read_cursor, write_cursor
from serving.decisions import Desk, problem_responses
from serving.listing.bodies import (
    DecisionPage,
    PaymentPage,
    PayoutPage,
    PlanPage,
    PlanRow,
    RefundPage,
    ShopperAnswer,
    ShopperExposure,
)
from serving.listing.listed import MOST_ROWS, Kind, ListFault, RowPlace, WantedRows
from serving.listing.postgres_listing import filters_of, list_rows, row_place
from serving.listing.shopper_view import ShopperView, shopper_view
from serving.postgres import transaction
from serving.problems import FieldFault, Problem

_PAGES: dict[Kind, type[BaseModel]] = {
    Kind.DECISIONS: DecisionPage,
    Kind.PLANS: PlanPage,
    Kind.PAYMENTS: PaymentPage,
    Kind.REFUNDS: RefundPage,
    Kind.PAYOUTS: PayoutPage,
}

Filter = Annotated[str | None, Query(max_length=200)]
Since = Annotated[datetime | None, Query(description="from then on", examples=["2026-03-01T00:00:00Z"])]
Until = Annotated[datetime | None, Query(description="before then", examples=["2026-04-01T00:00:00Z"])]
Rows = Annotated[int, Query(ge=1, le=MOST_ROWS, description="at most so many rows")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")]

router = APIRouter(tags=["lists"])


def _list_route(kind: Kind) -> Callable[..., Any]:
    """The endpoint of one list."""

    def endpoint(  # noqa: PLR0917 - the framework passes them by name
        request: Request,
        by: Reader,
        shopper_id: Filter = None,
        order_id: Filter = None,
        merchant_id: Filter = None,
        state: Filter = None,
        reference: Filter = None,
        since: Since = None,
        until: Until = None,
        limit: Rows = 50,
        cursor: Cursor = None,
    ) -> BaseModel:
        wanted = WantedRows(shopper_id, order_id, merchant_id, state, reference, _in_utc(since), _in_utc(until))
        return _page(request.app.state.desk, kind, _own(wanted, by), cursor, limit)

    known = ", ".join(filters_of(kind))
    endpoint.__doc__ = f"List {kind}, the newest first, found by {known}, since or until.\n\nA merchant sees its own."
    endpoint.__name__ = f"list_{kind}"
    return endpoint


for _kind, _page_model in _PAGES.items():
    router.add_api_route(
        f"/v1/{_kind}",
        _list_route(_kind),
        methods=["GET"],
        response_model=_page_model,
        responses=problem_responses(400, 401, 403, 422, 503),
    )


@router.get("/v1/shoppers/{shopper_id}", responses=problem_responses(401, 403, 404, 503))
def read_shopper(request: Request, shopper_id: Annotated[str, Path(max_length=100)], by: Reader) -> ShopperAnswer:
    """A shopper's limit, what counts against it, and their newest plans. A merchant sees its own plans alone."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        found = shopper_view(
            connection, shopper_id, merchant_id=by.merchant_id, policies=desk.policies, at=desk.clock()
        )
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no shopper {shopper_id}.")
    return shopper_answer(found)


def shopper_answer(found: ShopperView) -> ShopperAnswer:
    """The shopper as the API shows them."""
    return ShopperAnswer(
        shopper_id=found.shopper_id,
        exposures=[
            ShopperExposure(
                account_id=each.account_id,
                currency=each.exposure.outstanding.currency,
                limit_minor=each.limit_minor,
                outstanding_minor=each.exposure.outstanding.minor,
                reserved_minor=each.exposure.reserved.minor,
                monthly_minor=each.exposure.monthly.minor,
                left_minor=None if each.limit_minor is None else max(0, each.limit_minor - each.used_minor),
            )
            for each in found.standings
        ],
        plans=[PlanRow.model_validate(row) for row in found.plans.rows],
    )


def _page(desk: Desk, kind: Kind, wanted: WantedRows | None, cursor: str | None, limit: int) -> BaseModel:
    model = _PAGES[kind]
    if wanted is None:
        return model.model_validate({"rows": [], "next_cursor": None})
    try:
        after = None if cursor is None else _place(kind, cursor)
        with transaction(desk.pool) as connection:
            page = list_rows(connection, kind, wanted, after=after, limit=limit)
    except ListFault as fault:
        wrong = (FieldFault(fault.field, fault.reason),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{fault}.", wrong) from fault
    behind = page.next_place
    following = None if behind is None else write_cursor(kind, behind.at.isoformat(), behind.row_id)
    return model.model_validate({"rows": list(page.rows), "next_cursor": following})


def _own(wanted: WantedRows, by: Principal) -> WantedRows | None:
    """What of it is the principal's; None when nothing can be."""
    if by.merchant_id is None:
        return wanted
    if wanted.merchant_id not in (None, by.merchant_id):
        return None
    return replace(wanted, merchant_id=by.merchant_id)


def _place(kind: Kind, cursor: str) -> RowPlace:
    try:
        return row_place(kind, *read_cursor(kind, cursor, 2))
    except ValueError as fault:
        raise ListFault("cursor", str(fault)) from fault


def _in_utc(given: datetime | None) -> datetime | None:
    """A moment; one without a zone is in UTC."""
    return given.replace(tzinfo=UTC) if given is not None and given.tzinfo is None else given
