"""Spread trading of the dialect: venues have no spreads, so its lists are empty. Some clients ask for them all the
same."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from trading.okx.envelope import envelope
from trading.okx.gate import signed

router = Router()


async def nothing(request: HttpRequest) -> dict[str, Any]:
    """An empty list."""
    return envelope([])


for path in ("/orders-history", "/orders-pending", "/trades"):
    router.get(path, auth=signed(), summary="Empty: venues have no spreads")(nothing)
