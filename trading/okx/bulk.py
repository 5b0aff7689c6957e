"""Bulk entry of market makers: thousands of places, cancels and amends in one signed body, decoded in Rust.

The shape of an item is in ``exchange_kernel.decode_bulk``. Every item gets its row, in order; a row with
``sCode`` 0 is durable. The items are applied in their order, with nothing of others between those of one
body.
"""

import exchange_kernel as kernel
from django.http import HttpRequest, HttpResponse
from ninja import Router

from exchange_os.engine.gateway import get_gateway
from trading import limits
from trading.models import Permission
from trading.okx.errors import DialectError
from trading.okx.gate import caller_in, signed
from trading.okx.orders import now_ms, refuse_in_bulk, too_fast
from trading.okx.requests import integer_text

router = Router()
MAX_ITEMS = 5_000


@router.post("/bulk", auth=signed(None), summary="Up to 5,000 places, cancels and amends")
async def bulk(request: HttpRequest) -> HttpResponse:
    caller = caller_in(request)
    caller.require(Permission.TRADE)
    deadline = integer_text(request.headers.get("expTime", ""), "expTime") or 0
    if deadline and deadline < now_ms():
        raise DialectError("50102", "expTime has passed: nothing was sent.")
    catalogue = caller.catalogue
    refuse_in_bulk(catalogue)
    if any(market.builder for market in catalogue.markets):
        raise DialectError("50030", "This venue fronts another and takes no bulk bodies; send batch orders.")
    try:
        decoded = kernel.decode_bulk(
            request.body, catalogue.instruments, caller.account, caller.key_id, deadline, MAX_ITEMS
        )
    except ValueError as error:
        raise DialectError("50002", f"The bulk body cannot be read: {error}.") from None
    verdict = await limits.spend(limits.BULK, f"{caller.user_id}:{catalogue.id}", decoded.items)
    if not verdict.allowed:
        raise too_fast(verdict)
    acks = await get_gateway().submit_packed(catalogue.group_id, decoded.packed, decoded.count)
    return HttpResponse(kernel.render_bulk(acks, decoded), content_type="application/json")
