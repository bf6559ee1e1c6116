"""Assembles the decision API from settings, model, policies and database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from lending.terms import policy_file
from lending.terms.review_terms import review_terms
from models.artefact import load_champion
from payments.provider.sandbox import SandboxProvider
from serving import accept, breaks, decisions, health, pages, problems
from serving.bearer import KeyRing
from serving.check_fit import check_fit
from serving.decision_code import decision_code_digest
from serving.decisions import Desk
from serving.entrance import list_accesses
from serving.entrance.access_token import TokenVerifier
from serving.entrance.request_rate import RequestRate
from serving.listing import routes as lists
from serving.plan_routes import bulk_acts, payments, plan_acts, plans, refunds, shipments
from serving.policy import stops
from serving.postgres import open_pool
from serving.referrals import routes as reviews
from serving.request_limits import RequestLimits
from serving.security_headers import SecurityHeaders
from serving.settings import Settings
from terminal.clock import Clock, clock_of


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """The API over one model and one database.

    Raises when no model is promoted, when the model does not reproduce its golden rows, and when the model or a policy
    uses other features than this code computes. The database may become available later.
    """
    model = load_champion(settings.models_dir)
    policies = policy_file.load_policies()
    check_fit(model, policies, review_terms())
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
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.pool = pool
    app.state.clock = clock or clock_of(settings.clock_file)
    app.state.desk = Desk(pool, model, policies, app.state.clock, decision_code_digest())
    app.state.keys = KeyRing(pool, tokens=_token_verifier(settings))
    app.state.rate = RequestRate(settings.rate)
    app.state.provider = provider
    problems.add_problem_handlers(app)
    app.add_middleware(RequestLimits, largest=settings.largest_body)
    app.add_middleware(SecurityHeaders)
    # Not with `include_router`, which makes every route and its models once more, a quarter of a second for each app.
    for module in (
        decisions,
        accept,
        plans,
        refunds,
        payments,
        shipments,
        plan_acts,
        bulk_acts,
        breaks,
        list_accesses,
        stops,
        reviews,
        lists,
        health,
    ):
        app.router.routes.extend(module.router.routes)
    pages.add_pages(app)
    return app


def _token_verifier(settings: Settings) -> TokenVerifier | None:
    if settings.issuer is None:
        return None
    from serving.entrance.verify_token import AccessTokens

    return AccessTokens(settings.issuer)
