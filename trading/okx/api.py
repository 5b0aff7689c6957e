"""The two REST interfaces of a venue, assembled: the dialect under ``/api/v5`` and our own under
``/api/exos/v1``."""

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.renderers import BaseRenderer

from trading.okx import account, algos, asset, bulk, derivatives, joint, positions, public, spreads, trade
from trading.okx.envelope import refusal
from trading.okx.errors import DialectError


class Renderer(BaseRenderer):
    """JSON by orjson."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        """``data`` as JSON bytes."""
        return orjson.dumps(data)


def _on_error(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    if isinstance(error, ValidationError):
        return refusal(DialectError("51000", "A parameter has a wrong type."))
    return refusal(error if isinstance(error, Exception) else error())


def _assembled(title: str, namespace: str, description: str) -> NinjaAPI:
    made = NinjaAPI(
        title=title,
        version="5.0.0",
        description=description,
        renderer=Renderer(),
        urls_namespace=namespace,
        docs_url=None,
        openapi_url=None,
    )
    made.add_exception_handler(Exception, _on_error)
    made.add_exception_handler(ValidationError, _on_error)
    return made


okx_api = _assembled("Exchange OS trading API", "okx", "OKX-v5-compatible trading API of a venue.")
okx_api.add_router("", public.router)
okx_api.add_router("", derivatives.router)
okx_api.add_router("/account", account.router)
okx_api.add_router("/account", positions.account_router)
okx_api.add_router("/asset", asset.router)
okx_api.add_router("/sprd", spreads.router)
okx_api.add_router("/trade", trade.router)
okx_api.add_router("/trade", algos.router)
okx_api.add_router("/trade", positions.trade_router)

exos_api = _assembled("Exchange OS bulk API", "exos", "Bulk order entry for market makers.")
exos_api.add_router("", bulk.router)
exos_api.add_router("", joint.router)
