"""Liveness and readiness of the API: the process runs, and it can decide."""

from typing import Any

from fastapi import APIRouter, Request, Response
from orjson import dumps

from serving import postgres
from serving.decisions import Desk

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def live() -> dict[str, str]:
    """The process is running."""
    return {"status": "live"}


@router.get("/ready", responses={503: {"description": "The database cannot be reached or is not migrated"}})
def ready(request: Request) -> Response:
    """The database is reachable and migrated, and a verified model is loaded."""
    desk: Desk = request.app.state.desk
    database = postgres.reachable(desk.pool)
    body: dict[str, Any] = {
        "status": "ready" if database else "not ready",
        "database": "reachable" if database else "unreachable, or not migrated",
        "model": {"name": desk.model.name, "version": desk.model.version, "digest": desk.model.digest},
        "policies": [{"policy_id": p.policy_id, "version": p.version, "digest": p.digest} for p in desk.policies],
    }
    return Response(dumps(body), 200 if database else 503, media_type="application/json")
