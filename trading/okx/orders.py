"""Order operations of the dialect, the same for REST and sockets: items in, one result row per item out.

Every item is checked on its own; those that pass travel to the kernel together, in their order, and each row
tells the outcome of its item. A row's ``sCode`` is ``0`` only for what is durable.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import exchange_kernel as kernel

from exchange_os.errors import DomainError
from exchange_os.ledger.services.pauses import refusal
from trading import limits
from trading.models import Permission
from trading.okx.algo_requests import attached_of
from trading.okx.caller import Caller
from trading.okx.envelope import translate
from trading.okx.errors import DialectError, parameter_error
from trading.okx.refusals import domain_code, reject_of
from trading.okx.requests import amend_of, integer_text, market_of, order_key_of, order_of, text_of
from trading.selectors.access import BOUND_REJECTS, explained_for
from trading.selectors.catalogue import TradableMarket, VenueCatalogue
from trading.services.algos import bracket_frame
from trading.services.orders import (
    amend_frame,
    cancel_all_after_frame,
    cancel_frame,
    mass_cancel_frame,
    note_amendment,
    place_frame,
    submit_frames,
)
from trading.threads import in_database_thread
from venues.models import MarketKind

Row = dict[str, Any]
Item = Mapping[str, Any]


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Verb:
    """One kind of operation: how an item becomes a frame, and how its row echoes the item."""

    name: str
    frame: Callable[[Caller, TradableMarket, Item], bytes]
    limit: limits.Limit
    batch_limit: limits.Limit
    urgent: bool
    row: Callable[[Any, int, str, str], Row] | None = None


def _place(caller: Caller, market: TradableMarket, item: Item) -> bytes:
    draft = order_of(item, now_ms(), contract=market.kind != MarketKind.SPOT)
    attached = attached_of(item)
    if attached is not None:
        return bracket_frame(caller.account, market, draft, attached, key=caller.key_id)
    return place_frame(caller.account, market, draft, key=caller.key_id)


def _amend(caller: Caller, market: TradableMarket, item: Item) -> bytes:
    return amend_frame(caller.account, market, amend_of(item), key=caller.key_id)


def _cancel(caller: Caller, market: TradableMarket, item: Item) -> bytes:
    return cancel_frame(caller.account, market, order_key_of(item), key=caller.key_id)


PLACE = Verb("place", _place, limits.ORDER, limits.BATCH_ORDERS, urgent=False)
AMEND = Verb("amend", _amend, limits.AMEND, limits.BATCH_AMEND, urgent=False)
CANCEL = Verb("cancel", _cancel, limits.CANCEL, limits.BATCH_CANCEL, urgent=True)


def _echo(item: Any, name: str) -> str:
    value = item.get(name) if isinstance(item, dict) else None
    return value[:40] if isinstance(value, str) else ""


def _row(verb: Verb, item: Any, order_id: int, code: str, sentence: str) -> Row:
    if verb.row is not None:
        return verb.row(item, order_id, code, sentence)
    row = {
        "ordId": str(order_id) if order_id else _echo(item, "ordId"),
        "clOrdId": _echo(item, "clOrdId"),
        "ts": str(now_ms()),
        "sCode": code,
        "sMsg": sentence,
    }
    if verb is PLACE:
        row |= {"tag": _echo(item, "tag"), "subCode": ""}
    elif verb is AMEND:
        row |= {"reqId": _echo(item, "reqId"), "subCode": ""}
    return row


def _refused(verb: Verb, item: Any, error: DialectError | DomainError) -> Row:
    known = translate(error)
    return _row(verb, item, 0, known.code, known.message)


def _answered(verb: Verb, item: Any, ack: kernel.Ack) -> Row:
    code, sentence = reject_of(ack.code, verb.name) if ack.code else ("0", "")
    order_id = ack.order_id if verb.name != "place" or ack.code == 0 else 0
    return _row(verb, item, order_id, code, sentence)


async def _spend(caller: Caller, limit: limits.Limit, symbol: str, cost: int) -> limits.Verdict:
    return await limits.spend_leased(limit, f"{caller.user_id}:{caller.catalogue.id}:{symbol}", cost)


@dataclass
class Prepared:
    """Items that were checked and turned into frames, with a row already for those that failed.

    ``verdict`` is that of the fullest bucket they were counted in.
    """

    verb: Verb
    caller: Caller
    group_id: int
    items: Sequence[Any]
    rows: list[Row | None]
    frames: list[bytes]
    places: list[int]
    verdict: limits.Verdict | None = None


async def prepare(
    verb: Verb, caller: Caller, items: Sequence[Any], *, batch: bool, common: Item | None = None
) -> Prepared:
    """Check the items and count them against the limits.

    ``common`` holds fields that came with the request as a whole (``expTime``). Errors: 50114 without the
    permission, 50011 when a single operation is too fast (items of a batch get it as their row).
    """
    caller.require(Permission.TRADE)
    prepared = Prepared(verb, caller, caller.catalogue.group_id, items, [None] * len(items), [], [])
    markets = _markets_of(caller, prepared)
    await _count(caller, prepared, markets, batch)
    for index, market in markets.items():
        if prepared.rows[index] is not None:
            continue
        item = items[index]
        try:
            prepared.frames.append(verb.frame(caller, market, {**common, **item} if common else item))
            prepared.places.append(index)
        except (DialectError, DomainError) as error:
            prepared.rows[index] = _refused(verb, item, error)
    return prepared


def _markets_of(caller: Caller, prepared: Prepared) -> dict[int, TradableMarket]:
    markets: dict[int, TradableMarket] = {}
    for index, item in enumerate(prepared.items):
        try:
            if not isinstance(item, dict):
                raise DialectError("50002", "Every item must be a JSON object.")
            markets[index] = market_of(caller.catalogue, item)
        except DialectError as error:
            prepared.rows[index] = _refused(prepared.verb, item, error)
    return markets


async def _count(caller: Caller, prepared: Prepared, markets: dict[int, TradableMarket], batch: bool) -> None:
    limit = prepared.verb.batch_limit if batch else prepared.verb.limit
    by_symbol: dict[str, list[int]] = {}
    for index, market in markets.items():
        by_symbol.setdefault(market.symbol, []).append(index)
    for symbol, indices in by_symbol.items():
        verdict = await _spend(caller, limit, symbol, len(indices))
        if prepared.verdict is None or verdict.remaining < prepared.verdict.remaining:
            prepared.verdict = verdict
        if not verdict.allowed:
            slow = too_fast(verdict)
            if not batch:
                raise slow
            for index in indices:
                prepared.rows[index] = _refused(prepared.verb, prepared.items[index], slow)


async def finish(prepared: Prepared) -> list[Row]:
    """Send what was prepared and answer one row per item, in order.

    Errors: ``Busy``, ``OutcomeUnknown``, ``GroupHalted``.
    """
    if prepared.verb is AMEND:
        await _note_requests(prepared, prepared.places)
    acks = await submit_frames(prepared.group_id, prepared.frames, urgent=prepared.verb.urgent)
    for index, ack in zip(prepared.places, acks, strict=True):
        prepared.rows[index] = _answered(prepared.verb, prepared.items[index], ack)
        if ack.code in BOUND_REJECTS:
            await _explain(prepared, index, ack)
    if prepared.verb is AMEND:
        refused = [index for index, ack in zip(prepared.places, acks, strict=True) if ack.code]
        await _note_requests(prepared, refused, forget=True)
    return [row for row in prepared.rows if row is not None]


async def _note_requests(prepared: Prepared, places: Sequence[int], *, forget: bool = False) -> None:
    """Before amendments are sent: their ``reqId`` will be in the pushes they lead to. Those refused lead to none."""
    group_id, account = prepared.group_id, prepared.caller.account
    for index in places:
        item = prepared.items[index]
        if named := _echo(item, "reqId"):
            await note_amendment(group_id, account, order_key_of(item), "" if forget else named)


async def _explain(prepared: Prepared, index: int, ack: kernel.Ack) -> None:
    """Say in the row of an order which rule of the venue's policy stands behind the kernel's refusal."""
    row, caller = prepared.rows[index], prepared.caller
    market = market_of(caller.catalogue, prepared.items[index])
    refused = await in_database_thread(explained_for, caller.user_id, caller.catalogue.id, market.kind, ack)
    if row is not None and refused.details.get("rules"):
        row["sCode"], row["sMsg"] = domain_code(refused), refused.message


def refuse_in_bulk(catalogue: VenueCatalogue) -> None:
    """Refuse what is decoded in bulk, so not looked at one by one: ``paused`` while trading is stopped, 50030 at a
    front, whose orders name it as their builder."""
    if catalogue.pause is not None:
        raise refusal(catalogue.pause)
    if any(market.builder for market in catalogue.markets):
        raise DialectError("50030", "This venue fronts another and takes no bulk bodies; send batch orders.")


def too_fast(verdict: limits.Verdict) -> DialectError:
    """50011 with the time to wait."""
    return DialectError(
        "50011",
        f"Rate limit reached. Please wait {verdict.retry_after_ms} ms before trying again.",
        retry_after=verdict.retry_after_ms / 1000,
    )


async def _one(caller: Caller, frame: bytes, symbol: str) -> kernel.Ack:
    caller.require(Permission.TRADE)
    verdict = await _spend(caller, limits.MASS_CANCEL, symbol, 1)
    if not verdict.allowed:
        raise too_fast(verdict)
    acks = await submit_frames(caller.catalogue.group_id, [frame], urgent=True)
    if acks[0].code:
        code, sentence = reject_of(acks[0].code, "cancel")
        raise DialectError(code, sentence)
    return acks[0]


async def cancel_everything_after(caller: Caller, item: Item) -> list[Row]:
    """Arm the dead-man switch for ``timeOut`` seconds (0 disarms)."""
    timeout = integer_text(text_of(item, "timeOut"), "timeOut")
    if timeout is None:
        raise parameter_error("timeOut", "it is 0, or 10 to 120 seconds")
    await _one(caller, cancel_all_after_frame(caller.account, timeout, key=caller.key_id), "all")
    now = now_ms()
    return [
        {
            "triggerTime": str(now + timeout * 1000) if timeout else "0",
            "tag": _echo(item, "tag"),
            "ts": str(now),
        }
    ]


async def cancel_everything(caller: Caller, item: Item) -> list[Row]:
    """Cancel every open order, of one market if ``instId`` or ``instFamily`` names it."""
    named = text_of(item, "instId") or text_of(item, "instFamily")
    market = market_of(caller.catalogue, {"instId": named}) if named else None
    await _one(
        caller,
        mass_cancel_frame(caller.account, market, key=caller.key_id),
        market.symbol if market else "all",
    )
    return [{"result": True}]
