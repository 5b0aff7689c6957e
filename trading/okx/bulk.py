"""Bulk entry of market makers: thousands of places, cancels and amends in one signed body, decoded in Rust.

The shape of an item is in ``exchange_kernel.decode_bulk``. Every item gets its row, in order; a row with
``sCode`` 0 is durable. The items are applied in their order, with nothing of others between those of one
body.
"""

import exchange_kernel as kernel
import orjson
from django.http import HttpRequest, HttpResponse
from ninja import Router

from exchange_os.engine.gateway import get_gateway
from trading import limits
from trading.models import Permission
from trading.okx.errors import DialectError
from trading.okx.gate import caller_in, signed
from trading.okx.orders import now_ms, refuse_in_bulk, too_fast
from trading.okx.refusals import DOMAIN_CODES
from trading.okx.requests import integer_text
from trading.services.order_limits import Sifted, sift

router = Router()
MAX_ITEMS = 5_000
_KEPT_BACK = next(code for code, (name, _) in kernel.REJECTS.items() if name == "ACCESS_KEY_ORDER")
#: Stands in for the answer of a frame that was not sent, so that the count of what failed is right.
_LIMITED = bytes(24) + _KEPT_BACK.to_bytes(2, "little") + bytes(kernel.ACK_SIZE - 26)


@router.post("/bulk", auth=signed(None), summary="Up to 5,000 places, cancels and amends")
async def bulk(request: HttpRequest) -> HttpResponse:
    caller = caller_in(request)
    caller.require(Permission.TRADE)
    deadline = integer_text(request.headers.get("expTime", ""), "expTime") or 0
    if deadline and deadline < now_ms():
        raise DialectError("50102", "expTime has passed: nothing was sent.")
    catalogue = caller.catalogue
    refuse_in_bulk(catalogue)
    try:
        decoded = kernel.decode_bulk(
            request.body, catalogue.instruments, caller.account, caller.key_id, deadline, MAX_ITEMS
        )
    except ValueError as error:
        raise DialectError("50002", f"The bulk body cannot be read: {error}.") from None
    verdict = await limits.spend(limits.BULK, f"{caller.user_id}:{catalogue.id}", decoded.items)
    if not verdict.allowed:
        raise too_fast(verdict)
    sifted = sift(catalogue.by_number, decoded.packed, decoded.count)
    acks = await get_gateway().submit_packed(catalogue.group_id, sifted.packed, sifted.count)
    return HttpResponse(render_sifted(acks, decoded, sifted), content_type="application/json")


def render_sifted(acks: bytes, decoded: kernel.BulkCommands, sifted: Sifted) -> bytes:
    """The answer to a bulk body of which ``sifted`` was sent: a row an item, those over the venue's limit with its
    sentence. ``acks`` are of the frames that were sent."""
    if not sifted.refused:
        return kernel.render_bulk(acks, decoded)
    sent = (acks[at : at + kernel.ACK_SIZE] for at in range(0, len(acks), kernel.ACK_SIZE))
    whole = b"".join(_LIMITED if place in sifted.refused else next(sent) for place in range(decoded.count))
    answer = orjson.loads(kernel.render_bulk(whole, decoded))
    undecoded = {item for item, _code, _message in decoded.errors}
    items = [item for item in range(decoded.items) if item not in undecoded]
    for place, sentence in sifted.refused.items():
        answer["data"][items[place]] |= {"sCode": DOMAIN_CODES["order_limit"], "sMsg": sentence}
    return orjson.dumps(answer)
