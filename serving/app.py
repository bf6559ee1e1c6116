"""The decision API put together: settings, model, policies and database become one application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from lending.terms import policy_file
from models.artefact import load_champion
from payments.provider.sandbox import SandboxProvider
from serving import accept, decisions, health, plans, problems, refunds
from serving.check_fit import check_fit
from serving.decision_code import decision_code_digest
from serving.decisions import Desk
from serving.postgres import open_pool
from serving.settings import Settings
from terminal.fault import Fault

Clock = Callable[[], datetime]


class ClockFault(Fault):
    """The clock file does not hold a time."""


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """The API over one model and one database.

    Refuses to be made when no model is promoted, when the model does not score its golden rows as it did when it was
    exported, or when model or policies were made for other features. The database may come up later.
    """
    model = load_champion(settings.models_dir)
    policies = policy_file.load()
    check_fit(model, policies)
    pool = open_pool(settings.database_url, settings.connections, settings.wait_seconds)

    provider = None if settings.provider_url is None else SandboxProvider(settings.provider_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open(wait=False)
        try:
            yield
        finally:
            pool.close()
            if provider is not None:
                provider.close()

    app = FastAPI(
        title="Tranche",
        summary="Credit decisions at the checkout, and the plans they become",
        version=model.digest[:12],
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.pool = pool
    app.state.clock = clock or clock_of(settings.clock_file)
    app.state.desk = Desk(pool, model, policies, app.state.clock, decision_code_digest())
    app.state.provider = provider
    problems.install(app, settings.largest_body)
    app.include_router(decisions.router)
    app.include_router(accept.router)
    app.include_router(plans.router)
    app.include_router(refunds.router)
    app.include_router(health.router)
    return app


def clock_of(file: Path | None) -> Clock:
    """The machine's clock, or the one in the file: read for every request, so that a replay of the past advances it."""
    if file is None:
        return lambda: datetime.now(UTC)
    path = file

    def read() -> datetime:
        text = path.read_text(encoding="ascii").strip()
        try:
            at = datetime.fromisoformat(text)
        except ValueError as fault:
            raise ClockFault(f"{path}: {text!r} is not an ISO time; for example 1996-03-01T00:00:00Z") from fault
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)

    return read
