"""Addresses of the public trading API. Whatever else is asked below them is refused in the dialect."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from trading.okx.api import exos_api, okx_api
from trading.okx.envelope import refusal
from trading.okx.errors import DialectError
from trading.okx.guide import guide
from trading.okx.openapi import openapi


@csrf_exempt
async def unknown_address(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """404 in the dialect."""
    return refusal(DialectError("404", "There is nothing at this address."))


urlpatterns = [
    path("v/<slug:venue>/api/v5/", okx_api.urls),
    path("v/<slug:venue>/api/exos/v1/", exos_api.urls),
    path("v/<slug:venue>/api/docs/openapi.json", openapi),
    path("v/<slug:venue>/api/", guide, name="api_guide"),
    re_path(r"^v/(?P<venue>[^/]+)/api/(?P<rest>.*)$", unknown_address),
]
