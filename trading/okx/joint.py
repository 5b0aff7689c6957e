"""Joint bulk entry: the signed bulk bodies of several accounts in one request, applied in their order.

A firm that quotes from several accounts must otherwise choose between order and speed: bodies sent side by side
arrive in any order. Here each part carries what a bulk request carries in its headers, and the text that its
key signed (as if it were posted to ``/api/exos/v1/bulk``). If one part is not in order the whole request is
refused and nothing of it was sent. Nothing of others comes between the items of one request.
"""

from dataclasses import dataclass
from typing import Any

import exchange_kernel as kernel
import orjson
from django.http import HttpRequest, HttpResponse
from ninja import Router

from exchange_os.engine.gateway import get_gateway
from trading import limits
from trading.models import Permission
from trading.okx import signing
from trading.okx.bulk import MAX_ITEMS, render_sifted
from trading.okx.caller import Caller, SignedHead, caller_of, known_key
from trading.okx.errors import DialectError, parameter_error
from trading.okx.gate import Visitor, address_of, public, visitor_of
from trading.okx.orders import now_ms, refuse_in_bulk, too_fast
from trading.services.order_limits import Sifted, sift
from trading.used_signatures import use_once

router = Router()
MAX_PARTS = 2_000
MEMBERS = ("key", "passphrase", "timestamp", "sign", "body")
SIGNED_PATH = "/api/exos/v1/bulk"
ACK_BYTES = kernel.ACK_SIZE


@dataclass(frozen=True)
class Part:
    """One account's body, its signature verified, in frames; and what of it keeps to the venue's limits."""

    caller: Caller
    signature: str
    valid_until: int
    commands: kernel.BulkCommands
    sifted: Sifted


@router.post("/joint", auth=public(limits.JOINT), summary="Bulk bodies of several accounts, in order")
async def joint(request: HttpRequest) -> HttpResponse:
    """``{"parts": [{"key", "passphrase", "timestamp", "sign", "body"}]}``; one bulk answer per part."""
    visitor = visitor_of(request)
    parts = [await _part(visitor, item, address_of(request)) for item in _items(request.body)]
    await _count(visitor, parts)
    if not await use_once([(part.signature, part.valid_until) for part in parts]):
        raise signing.used_before()
    packed = b"".join(part.sifted.packed for part in parts)
    count = sum(part.sifted.count for part in parts)
    acks = await get_gateway().submit_packed(visitor.catalogue.group_id, packed, count)
    answers, start = [], 0
    for part in parts:
        end = start + part.sifted.count * ACK_BYTES
        answers.append(render_sifted(acks[start:end], part.commands, part.sifted))
        start = end
    body = b'{"code":"0","msg":"","data":[' + b",".join(answers) + b"]}"
    return HttpResponse(body, content_type="application/json")


def _items(raw: bytes) -> list[dict[str, Any]]:
    """The parts of a body; 50002 if it is not such a body, 51000 outside 1 to 2,000 parts."""
    try:
        parts = orjson.loads(raw)["parts"]
    except (ValueError, KeyError, TypeError):
        raise DialectError("50002", 'The body must be {"parts": [...]}.') from None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise DialectError("50002", 'The body must be {"parts": [...]}, each part an object.')
    if not 1 <= len(parts) <= MAX_PARTS:
        raise parameter_error("parts", f"a request holds 1 to {MAX_PARTS} parts")
    return parts


def _text(item: dict[str, Any], name: str) -> str:
    """Member ``name`` of a part, which must be a text."""
    value = item.get(name)
    if not isinstance(value, str):
        raise parameter_error("parts", f"each part holds the texts {', '.join(MEMBERS)}")
    return value


async def _part(visitor: Visitor, item: dict[str, Any], address: str) -> Part:
    """One part, verified and decoded. Errors: every 501xx of authentication, 50002."""
    key, passphrase, timestamp, sign, text = (_text(item, name) for name in MEMBERS)
    head = SignedHead(key, passphrase, timestamp, sign)
    head.check_complete()
    signed_at = signing.request_time_ms(head.timestamp)
    signing.check_window(signed_at, now_ms())
    credential = await known_key(visitor.catalogue, head.key, head.passphrase, address)
    body = text.encode()
    signing.verify_request(credential.secret, head.signature, head.timestamp, "POST", SIGNED_PATH, b"", body)
    caller = caller_of(visitor.catalogue, credential)
    caller.require(Permission.TRADE)
    refuse_in_bulk(visitor.catalogue)
    try:
        commands = kernel.decode_bulk(
            body, visitor.catalogue.instruments, caller.account, caller.key_id, 0, MAX_ITEMS
        )
    except ValueError as error:
        raise DialectError("50002", f"The body of a part cannot be read: {error}.") from None
    sifted = sift(visitor.catalogue.by_number, commands.packed, commands.count)
    return Part(caller, sign, signing.valid_until(signed_at), commands, sifted)


async def _count(visitor: Visitor, parts: list[Part]) -> None:
    """Charge each user's bulk limit with their items; 51000 above 5,000 items, 50011 above a limit."""
    if sum(part.commands.items for part in parts) > MAX_ITEMS:
        raise parameter_error("parts", f"a request holds at most {MAX_ITEMS} items")
    by_user: dict[int, int] = {}
    for part in parts:
        by_user[part.caller.user_id] = by_user.get(part.caller.user_id, 0) + part.commands.items
    for user_id, items in by_user.items():
        verdict = await limits.spend(limits.BULK, f"{user_id}:{visitor.catalogue.id}", items)
        if not verdict.allowed:
            raise too_fast(verdict)
