"""Account of the caller: configuration, balances, fees, limits and movements."""

import asyncio
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.http import HttpRequest
from ninja import Router

from trading import limits
from trading.decimals import decimal_text, ppm_text
from trading.models import Permission
from trading.okx.envelope import envelope
from trading.okx.errors import DialectError, missing, parameter_error, unknown_instrument
from trading.okx.gate import caller_in, signed
from trading.okx.objects import EVENTS, SWAP, default_leverage, inst_type, instrument_row, instruments_named
from trading.okx.orders import now_ms
from trading.okx.position_objects import with_margin
from trading.okx.private_objects import account_row, balance_details, bill_row
from trading.okx.requests import json_object, kind_named, market_named, page_of, text_of
from trading.selectors.access import credential_level
from trading.selectors.accounts import live_account
from trading.selectors.bills import bills_page
from trading.selectors.catalogue import TradableMarket, VenueCatalogue
from trading.selectors.live import live_market
from trading.selectors.orders import Window
from trading.selectors.positions import Position
from trading.threads import in_database_thread
from venues.models import MarketKind

router = Router()
Answer = dict[str, Any]

_RIGHTS = {Permission.READ: "read_only", Permission.TRADE: "trade", Permission.WITHDRAW: "withdraw"}
PPM = 1_000_000


@router.get("/config", auth=signed(limits.SLOW_READ), summary="Mode of the account and rights of the key")
async def config(request: HttpRequest) -> Answer:
    caller = caller_in(request)
    level = 0
    if caller.catalogue.has_policy:
        level = await in_database_thread(credential_level, caller.user_id, caller.catalogue.id)
    rights = ",".join(text for permission, text in _RIGHTS.items() if permission.value in caller.permissions)
    return envelope(
        [
            {
                "uid": str(caller.account),
                "mainUid": str(caller.account),
                "acctLv": "2",
                "posMode": "net_mode",
                "perm": rights,
                "acctStpMode": "cancel_maker",
                "level": "Lv1",
                "levelTmp": "",
                "label": "",
                "kycLv": str(level),
                "ip": "",
                "settleCcy": "",
                "settleCcyList": [],
                "autoLoan": False,
                "ctIsoMode": "automatic",
                "mgnIsoMode": "automatic",
                "greeksType": "PA",
                "enableSpotBorrow": False,
                "spotBorrowAutoRepay": False,
                "roleType": "0",
                "spotOffsetType": "",
                "spotRoleType": "0",
                "spotTraderInsts": [],
                "traderInsts": [],
                "opAuth": "0",
                "liquidationGear": "-1",
                "type": "0",
            }
        ]
    )


@router.get("/instruments", auth=signed(limits.SLOW_READ), summary="Instruments the account may trade")
async def instruments(
    request: HttpRequest,
    instType: str = "",
    instId: str = "",
    uly: str = "",
    instFamily: str = "",
    seriesId: str = "",
) -> Answer:
    catalogue, kind = caller_in(request).catalogue, kind_named(instType)
    markets = instruments_named(catalogue, kind, instId, uly, instFamily, seriesId)
    return envelope([instrument_row(market) for market in markets])


@router.get("/balance", auth=signed(), summary="What the account holds at this venue")
async def balance(request: HttpRequest, ccy: str = "") -> Answer:
    caller = caller_in(request)
    wanted = {name for name in ccy.split(",") if name}
    held, margin = await live_account(caller.catalogue, caller.account)
    now = now_ms()
    chosen = [item for item in held if not wanted or item.asset.symbol in wanted]
    row = account_row(balance_details(chosen, now), now)
    return envelope([with_margin(row, caller.catalogue.assets, margin)])


@router.get(
    "/bills", auth=signed(limits.SLOW_READ), summary="Movements: transfers (type 1) and trades (type 2)"
)
async def bills(
    request: HttpRequest,
    instType: str = "",
    ccy: str = "",
    mgnMode: str = "",
    type: str = "",
    ctType: str = "",
    begin: str = "",
    end: str = "",
    after: str = "",
    before: str = "",
    limit: str = "",
) -> Answer:
    return await _bills(
        request, instType, ccy, mgnMode, type, ctType, page_of(limit, after, before, begin, end)
    )


@router.get("/bills-archive", auth=signed(limits.SLOW_READ), summary="The same, further back")
async def bills_archive(
    request: HttpRequest,
    instType: str = "",
    ccy: str = "",
    mgnMode: str = "",
    type: str = "",
    ctType: str = "",
    begin: str = "",
    end: str = "",
    after: str = "",
    before: str = "",
    limit: str = "",
) -> Answer:
    return await _bills(
        request, instType, ccy, mgnMode, type, ctType, page_of(limit, after, before, begin, end)
    )


def _of_bills(catalogue: VenueCatalogue, kind: str, mode: str, contract: str) -> set[int] | None:
    """Numbers of the markets whose bills are wanted; ``None`` for all, transfers included. The margin mode of a
    perpetual can change and is not part of its bills, so both modes find them; outcomes are isolated."""
    if mode not in ("", "cross", "isolated"):
        raise parameter_error("mgnMode", "it is cross or isolated")
    if contract not in ("", "linear", "inverse"):
        raise parameter_error("ctType", "it is linear or inverse")
    if not (kind or mode or contract):
        return None
    kinds = {MarketKind.PERPETUAL}
    if not contract:
        kinds |= {MarketKind.OUTCOME} if mode == "isolated" else set() if mode else set(MarketKind)
    return {
        market.number
        for market in catalogue.markets
        if market.kind in kinds
        and contract != "inverse"
        and (not kind or inst_type(market) == kind_named(kind))
    }


async def _bills(
    request: HttpRequest, kind: str, ccy: str, mode: str, bill_type: str, contract: str, page: Window
) -> Answer:
    caller = caller_in(request)
    if kind:
        kind_named(kind)
    if bill_type and not bill_type.isdigit():
        raise parameter_error("type", "it is a number")
    wanted = _of_bills(caller.catalogue, kind, mode, contract)
    rows = await in_database_thread(
        bills_page,
        caller.user_id,
        caller.catalogue.group_id,
        caller.account,
        page,
        bill_type,
        caller.catalogue.by_number,
        ccy,
        wanted,
    )
    return envelope([bill_row(bill) for bill in rows])


@router.get("/trade-fee", auth=signed(limits.SLOW_READ), summary="Fees; negative rates are charged")
async def trade_fee(
    request: HttpRequest, instType: str = "", instId: str = "", uly: str = "", instFamily: str = ""
) -> Answer:
    catalogue, kind = caller_in(request).catalogue, kind_named(instType)
    if instId:
        market_named(catalogue, instId)
    markets = instruments_named(catalogue, kind, instId, uly, instFamily, "")
    if not markets:
        return envelope([])
    market = markets[0]
    maker, taker = ppm_text(-market.instrument.maker_fee_ppm), ppm_text(-market.instrument.taker_fee_ppm)
    return envelope(
        [
            {
                "instType": instType,
                "level": "Lv1",
                "maker": maker,
                "taker": taker,
                "makerU": maker if instType == SWAP else "",
                "takerU": taker if instType == SWAP else "",
                "makerUSDC": "",
                "takerUSDC": "",
                "delivery": "",
                "exercise": "",
                "settle": "0" if instType == EVENTS else "",
                "category": "1",
                "ruleType": "normal",
                "ts": str(now_ms()),
                "feeGroup": [{"groupId": "1", "maker": maker, "taker": taker}],
                "fiat": [],
            }
        ]
    )


async def _spendable(
    catalogue: VenueCatalogue, account: int, market: TradableMarket
) -> tuple[Decimal, Decimal, Position | None]:
    """Free base and free quote of the account, as decimals, and its position; of a contract's settlement asset what
    margin leaves free."""
    balances, held = await live_account(catalogue, account)
    free = {item.asset.pk: item.free for item in balances}
    quote = free.get(market.quote.pk, 0)
    if market.kind != MarketKind.SPOT and held.risk is not None:
        quote = max(0, held.risk.free)
    base = market.base if market.kind == MarketKind.SPOT else None
    return (
        Decimal(free.get(base.pk, 0)).scaleb(-base.scale) if base else Decimal(0),
        Decimal(quote).scaleb(-market.quote.scale),
        held.of_market(market.number),
    )


def _largest(
    market: TradableMarket, position: Position | None, base: Decimal, quote: Decimal, price: Decimal
) -> tuple[int, int]:
    """Lots that free funds buy and sell at ``price``; of contracts what closes the position comes on top."""
    traded = market.instrument
    taker = Decimal(max(0, traded.taker_fee_ppm)) / PPM
    if market.kind == MarketKind.SPOT:
        return (
            int((quote / (price * (1 + taker)) / traded.lot_size).to_integral_value(ROUND_DOWN)),
            int(base / traded.lot_size),
        )
    lots = position.lots if position else 0
    if market.kind == MarketKind.OUTCOME:
        other = traded.payout_ticks * traded.tick_size - price
        asked = [side + price * other * taker for side in (price, other)]
    else:
        leverage = position.leverage if position and position.leverage else default_leverage(market)
        value = price * traded.contract_value
        asked = [value / leverage + value * taker] * 2
    buy, sell = (int(quote / each) if each > 0 else 0 for each in asked)
    return buy + max(0, -lots), sell + max(0, lots)


def _market_list(catalogue: VenueCatalogue, names: str) -> list[TradableMarket]:
    if not names:
        raise missing("instId")
    if names.count(",") >= 5:
        raise parameter_error("instId", "at most 5 instruments")
    markets = [catalogue.by_symbol.get(name) for name in names.split(",")]
    if None in markets:
        raise unknown_instrument()
    return [market for market in markets if market is not None]


@router.get("/max-size", auth=signed(limits.SLOW_READ), summary="Largest order the balance covers")
async def max_size(request: HttpRequest, instId: str = "", tdMode: str = "", px: str = "") -> Answer:
    caller = caller_in(request)
    rows = []
    for market in _market_list(caller.catalogue, instId):
        (base, quote, position), live = await asyncio.gather(
            _spendable(caller.catalogue, caller.account, market), live_market(market.group_id, market.number)
        )
        price = Decimal(px) if px.replace(".", "", 1).isdigit() and px.isascii() else Decimal(0)
        price = (
            price
            or Decimal(live["best_ask"] or live["last_ticks"] or live["reference_ticks"])
            * market.instrument.tick_size
        )
        buy, sell = _largest(market, position, base, quote, price)
        rows.append(
            {
                "instId": market.symbol,
                "ccy": market.base_symbol if market.kind == MarketKind.SPOT else market.quote.symbol,
                "maxBuy": market.size_text(buy),
                "maxSell": market.size_text(sell),
            }
        )
    return envelope(rows)


@router.get("/max-avail-size", auth=signed(limits.SLOW_READ), summary="Free balances behind an instrument")
async def max_avail_size(request: HttpRequest, instId: str = "", tdMode: str = "") -> Answer:
    caller = caller_in(request)
    rows = []
    for market in _market_list(caller.catalogue, instId):
        base, quote, _ = await _spendable(caller.catalogue, caller.account, market)
        behind = base if market.kind == MarketKind.SPOT else quote
        rows.append(
            {"instId": market.symbol, "availBuy": decimal_text(quote), "availSell": decimal_text(behind)}
        )
    return envelope(rows)


@router.post("/set-position-mode", auth=signed(limits.SLOW_READ), summary="Net positions only")
async def set_position_mode(request: HttpRequest) -> Answer:
    mode = text_of(json_object(request.body), "posMode")
    if mode != "net_mode":
        raise DialectError("59000", "This venue keeps net positions: the only mode is net_mode.")
    return envelope([{"posMode": mode}])
