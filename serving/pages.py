"""Pages for a person at a browser: what this server is, and its reference, drawn without anything from the internet."""

import json
from html import escape
from importlib.resources import files

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

REFERENCE, DRAWN_WITH = "/docs", "/docs-assets"
EXAMPLE = {
    "order_id": "o-1",
    "shopper_id": "s-1",
    "account_id": "a-1",
    "merchant_id": "m-lantern",
    "amount_minor": 12000,
    "currency": "GBP",
    "product": "pay_in_3",
    "channel": "web",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tranche: credit decisions at the checkout</title>
<link rel="icon" href="data:,">
<style>
body {{ font: 1rem/1.55 system-ui, sans-serif; color: #1c2733; max-width: 46rem; margin: 3rem auto; padding: 0 1.2rem }}
h1 {{ margin-bottom: .2rem }} h2 {{ margin-top: 2rem; font-size: 1.1rem }}
pre {{ background: #f2f5f7; padding: .9rem 1rem; border-radius: .4rem; font-size: .85rem }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere }}
a {{ color: #0a5c8a }} dt {{ float: left; clear: left; width: 9rem }} dd {{ margin: 0 0 .4rem 9rem }}
</style>
</head>
<body>
<h1>Tranche</h1>
<p>This is the decision API of an open buy-now-pay-later platform. A checkout sends an order; the answer is a credit
decision with its offers and every reason. An accepted offer becomes a plan of instalments.</p>
<dl>
<dt><a href="{reference}">{reference}</a></dt><dd>every request and answer, to read and to try</dd>
<dt><a href="{openapi}">{openapi}</a></dt><dd>the same as an OpenAPI document, for programs</dd>
<dt><a href="/health/ready">/health/ready</a></dt><dd>whether it can decide: database, model, policies</dd>
<dt><a href="/health/live">/health/live</a></dt><dd>whether the process answers</dd>
</dl>
<h2>Say who asks</h2>
<p>Every request carries a principal's key. On a runtime of this machine this line takes its own; elsewhere whoever
keeps the principals makes one, for a merchant or for the back office.</p>
<pre>export TRANCHE_KEY=$(tranche local key)</pre>
<h2>Ask for a decision</h2>
<pre>{ask}</pre>
<p>The same <code>Idempotency-Key</code> with the same order is answered with the same bytes, however often it is sent.
A shopper whose bank account the platform has not seen is referred or declined, with the reason.</p>
<h2>Take its offer</h2>
<pre>{take}</pre>
<p>Amounts are in the currency's smallest unit: 12000 is £120.00. Times are UTC.
Model {model}.</p>
</body>
</html>
"""

router = APIRouter(include_in_schema=False)


@router.get("/")
def front(request: Request) -> HTMLResponse:
    """What this is, where its reference is, and how to ask it, with this server's own address."""
    address = str(request.base_url).rstrip("/")
    body = json.dumps(EXAMPLE)
    ask = " \\\n".join(
        (
            f"curl -s {address}/v1/decisions",
            '  -H "Authorization: Bearer $TRANCHE_KEY"',
            "  -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-order'",
            f"  -d '{body}'",
        )
    )
    take = " \\\n".join(
        (
            f"curl -s -X POST {address}/v1/decisions/DECISION_ID/accept",
            """  -H "Authorization: Bearer $TRANCHE_KEY" -H 'Idempotency-Key: my-first-plan'""",
        )
    )
    model = request.app.state.desk.model
    return HTMLResponse(
        _PAGE.format(
            reference=REFERENCE,
            openapi=request.app.openapi_url,
            ask=escape(ask, quote=False),
            take=escape(take, quote=False),
            model=escape(f"{model.name} version {model.version}"),
        )
    )


@router.get(REFERENCE)
def reference(request: Request) -> HTMLResponse:
    """The reference of every request and answer; its program and style come from this server."""
    app: FastAPI = request.app
    return get_swagger_ui_html(
        openapi_url=app.openapi_url or "",
        title=f"{app.title}: reference",
        swagger_js_url=f"{DRAWN_WITH}/swagger-ui-bundle.js",
        swagger_css_url=f"{DRAWN_WITH}/swagger-ui.css",
        swagger_favicon_url=f"{DRAWN_WITH}/favicon.png",
    )


def add_pages(app: FastAPI) -> None:
    """Put the pages on the app, which must have been made without FastAPI's own."""
    app.include_router(router)
    app.mount(DRAWN_WITH, StaticFiles(directory=str(files("fastapi_offline") / "static")))
