"""Positions of the caller: what is held, leverage, margin mode and margin, closing."""

from typing import Any

import exchange_kernel as kernel
from django.http import HttpRequest
from ninja import Router

from trading import limits
from trading.decimals import scaled_text
from trading.models import Permission
from trading.okx.caller import Caller
from trading.okx.envelope import envelope
from trading.okx.errors import DialectError, missing, parameter_error, unknown_instrument
from trading.okx.gate import caller_in, signed
from trading.okx.objects import EVENTS, SWAP, default_leverage, instruments_of_kind
from trading.okx.orders import now_ms, too_fast
from trading.okx.position_objects import (
    closing_row,
    history_row,
    leverage_row,
    position_rows,
)
from trading.okx.refusals import reject_of
from trading.okx.requests import (
    client_id_of,
    flag_of,
    integer_text,
    json_object,
    kind_named,
    market_of,
    page_of,
    positive_of,
    text_of,
)
from trading.selectors.accounts import live_account
from trading.selectors.bills import closing_bills
from trading.selectors.catalogue import TradableMarket
from trading.selectors.closings import closings
from trading.selectors.positions import live_holdings
from trading.services.orders import check_trading, submit_frames
from trading.threads import in_database_thread
from venues.models import MarketKind

account_router = Router()
trade_router = Router()
Answer = dict[str, Any]
MAX_LEVERAGE = 1_000


def perpetual_of(caller: Caller, item: Any) -> TradableMarket:
    """The perpetual an item names. Errors: 50014, 51001, and 51000 for other kinds of market."""
    market = market_of(caller.catalogue, item)
    if market.kind != MarketKind.PERPETUAL:
        raise parameter_error("instId", "it is not a perpetual")
    return market


async def command(caller: Caller, market: TradableMarket, frame: bytes, verb: str) -> kernel.Ack:
    """Send one command about a position and await its durable answer. Errors: 50114, 50011, the kernel's."""
    caller.require(Permission.TRADE)
    verdict = await limits.spend(limits.SLOW_READ, f"{caller.user_id}:{market.symbol}:{verb}")
    if not verdict.allowed:
        raise too_fast(verdict)
    ack = (await submit_frames(caller.catalogue.group_id, [frame]))[0]
    if ack.code:
        raise DialectError(*reject_of(ack.code, verb))
    return ack


@account_router.get("/positions", auth=signed(), summary="Open positions")
async def positions(request: HttpRequest, instType: str = "", instId: str = "", posId: str = "") -> Answer:
    caller = caller_in(request)
    wanted = {name for name in instId.split(",") if name}
    if instType and kind_named(instType) not in (SWAP, EVENTS, "MARGIN", "FUTURES", "OPTION"):
        raise parameter_error("instType", "it is SWAP or EVENTS")
    if wanted - caller.catalogue.by_symbol.keys():
        raise unknown_instrument()
    numbers = {name for name in posId.split(",") if name}
    held = await live_holdings(caller.catalogue.group_id, caller.account)
    rows = position_rows(caller.catalogue, held, caller.account)
    return envelope(
        [
            row
            for row in rows
            if (not instType or row["instType"] == instType)
            and (not wanted or row["instId"] in wanted)
            and (not numbers or row["posId"] in numbers)
        ]
    )


@account_router.get("/positions-history", auth=signed(limits.SLOW_READ), summary="Closings of positions")
async def positions_history(
    request: HttpRequest,
    instType: str = "",
    instId: str = "",
    mgnMode: str = "",
    type: str = "",
    posId: str = "",
    after: str = "",
    before: str = "",
    limit: str = "",
) -> Answer:
    caller = caller_in(request)
    kinds = instruments_of_kind(caller.catalogue, kind_named(instType)) if instType else None
    page = page_of(limit, after, before)
    group_id, account, known = caller.catalogue.group_id, caller.account, caller.catalogue.by_number
    held = {each.market: each.lots for each in (await live_holdings(group_id, account)).positions}
    perpetuals = {market.number for market in known.values() if market.kind == MarketKind.PERPETUAL}
    closed = await in_database_thread(closings, group_id, account, held, perpetuals)
    bills = await in_database_thread(closing_bills, group_id, account, page)
    rows = [
        closing_row(known[one.market], one, account)
        for one in closed.closings
        if page.holds(one.closed_ms, one.closed_ms)
    ]
    rows += [
        history_row(
            known[row.market], row, account, partly=(row.sequence, row.market) in closed.partly_liquidated
        )
        for row in bills
        if row.market in known
    ]
    wanted = {market.symbol for market in kinds} if kinds is not None else caller.catalogue.by_symbol.keys()
    chosen = [
        row
        for row in rows
        if row["instId"] in wanted
        and instId in ("", row["instId"])
        and mgnMode in ("", row["mgnMode"])
        and type in ("", row["type"])
        and posId in ("", row["posId"])
    ]
    return envelope(sorted(chosen, key=lambda row: int(row["uTime"]), reverse=True)[: page.limit])


@account_router.get("/account-position-risk", auth=signed(limits.SLOW_READ), summary="Balances and positions")
async def account_position_risk(request: HttpRequest, instType: str = "") -> Answer:
    caller = caller_in(request)
    balances, held = await live_account(caller.catalogue, caller.account)
    risk = held.risk
    settlement = caller.catalogue.assets.get(risk.asset) if risk else None
    rows = position_rows(caller.catalogue, held, caller.account)
    return envelope(
        [
            {
                "adjEq": scaled_text(risk.equity, settlement.scale) if risk and settlement else "",
                "balData": [
                    {
                        "ccy": item.asset.symbol,
                        "disEq": "",
                        "eq": scaled_text(item.total, item.asset.scale),
                    }
                    for item in balances
                ],
                "posData": [row for row in rows if not instType or row["instType"] == instType],
                "ts": str(now_ms()),
            }
        ]
    )


@account_router.get("/leverage-info", auth=signed(limits.SLOW_READ), summary="Leverage of perpetuals")
async def leverage_info(request: HttpRequest, instId: str = "", mgnMode: str = "") -> Answer:
    caller = caller_in(request)
    if not instId:
        raise missing("instId")
    held = await live_holdings(caller.catalogue.group_id, caller.account)
    rows = []
    for name in instId.split(",")[:20]:
        market = perpetual_of(caller, {"instId": name})
        position = held.of_market(market.number)
        leverage = position.leverage if position else default_leverage(market)
        isolated = position.isolated if position else mgnMode == "isolated"
        rows.append(leverage_row(market, leverage, isolated))
    return envelope(rows)


@account_router.post(
    "/set-leverage", auth=signed(None), summary="Set leverage and margin mode of a perpetual"
)
async def set_leverage(request: HttpRequest) -> Answer:
    caller, item = caller_in(request), json_object(request.body)
    market = perpetual_of(caller, item)
    mode = text_of(item, "mgnMode", "cross")
    if mode not in ("cross", "isolated"):
        raise parameter_error("mgnMode", "it is cross or isolated")
    leverage = positive_of(item, "lever")
    if leverage != leverage.to_integral_value() or leverage > MAX_LEVERAGE:
        raise parameter_error(
            "lever", f"it is a whole number from 1 to {market.max_leverage or MAX_LEVERAGE}"
        )
    held = (await live_holdings(caller.catalogue.group_id, caller.account)).of_market(market.number)
    if (held.isolated if held else False) != (mode == "isolated"):
        frame = kernel.set_margin_mode(
            caller.account, market.number, isolated=mode == "isolated", key=caller.key_id
        )
        await command(caller, market, frame, "set-mode")
    frame = kernel.set_leverage(caller.account, market.number, leverage=int(leverage), key=caller.key_id)
    await command(caller, market, frame, "set-leverage")
    return envelope([leverage_row(market, int(leverage), mode == "isolated")])


@account_router.post(
    "/position/margin-balance", auth=signed(None), summary="Add or take margin of an isolated position"
)
async def margin_balance(request: HttpRequest) -> Answer:
    caller, item = caller_in(request), json_object(request.body)
    market = perpetual_of(caller, item)
    kind = text_of(item, "type")
    if kind not in ("add", "reduce"):
        raise parameter_error("type", "it is add or reduce")
    amount = positive_of(item, "amt")
    units = int(amount.scaleb(market.quote.scale))
    if units <= 0 or units != amount.scaleb(market.quote.scale):
        raise parameter_error("amt", f"{market.quote.symbol} has {market.quote.scale} decimals")
    signed_units = units if kind == "add" else -units
    frame = kernel.move_margin(caller.account, market.number, amount=signed_units, key=caller.key_id)
    await command(caller, market, frame, "move-margin")
    return envelope(
        [
            {
                "instId": market.symbol,
                "posSide": "net",
                "type": kind,
                "amt": text_of(item, "amt"),
                "ccy": market.quote.symbol,
                "leverage": "",
            }
        ]
    )


@trade_router.post("/close-position", auth=signed(None), summary="Close a position at market")
async def close_position(request: HttpRequest) -> Answer:
    caller, item = caller_in(request), json_object(request.body)
    market = market_of(caller.catalogue, item)
    if market.kind == MarketKind.SPOT:
        raise parameter_error("instId", "a spot market has no position")
    check_trading(market)
    if flag_of(item, "autoCxl"):
        cancel = kernel.mass_cancel(caller.account, market=market.number, key=caller.key_id)
        await command(caller, market, cancel, "cancel")
    deadline = integer_text(text_of(item, "expTime"), "expTime") or 0
    frame = kernel.close_position(caller.account, market.number, deadline_ms=deadline, key=caller.key_id)
    await command(caller, market, frame, "close")
    return envelope(
        [
            {
                "instId": market.symbol,
                "posSide": "net",
                "clOrdId": client_id_of(item),
                "tag": text_of(item, "tag"),
            }
        ]
    )
