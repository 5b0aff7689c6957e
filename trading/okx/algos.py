"""Algo orders over REST: place, cancel, amend, and the lists of those that wait and those that are over."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from trading import limits
from trading.okx.algo_objects import CLOSED_STATES, algo_row, algo_type
from trading.okx.algo_requests import ALGO_TYPES, algo_change_of, algo_key_of, algo_of
from trading.okx.caller import Caller
from trading.okx.envelope import answer, envelope, now_us, order_answer
from trading.okx.errors import DialectError, missing, parameter_error
from trading.okx.gate import caller_in, signed
from trading.okx.orders import Row, Verb, finish, now_ms, prepare
from trading.okx.requests import json_batch, json_object, page_of
from trading.okx.trade import market_filter
from trading.selectors.algos import Algo, closed_algos, find_algo, live_algos
from trading.selectors.catalogue import TradableMarket
from trading.services.algos import algo_frame, amend_algo_frame, cancel_algo_frame

router = Router()
Answer = dict[str, Any]
Item = Mapping[str, Any]
GONE = ("51603", "The algo order does not exist.")


def _place(caller: Caller, market: TradableMarket, item: Item) -> bytes:
    return algo_frame(caller.account, market, algo_of(item, now_ms()), key=caller.key_id)


def _amend(caller: Caller, market: TradableMarket, item: Item) -> bytes:
    return amend_algo_frame(caller.account, market, algo_change_of(item), key=caller.key_id)


def _cancel(caller: Caller, market: TradableMarket, item: Item) -> bytes:
    return cancel_algo_frame(caller.account, market, algo_key_of(item), key=caller.key_id)


def _row(item: Item, algo_id: int, code: str, sentence: str) -> Row:
    def echo(name: str) -> str:
        value = item.get(name) if isinstance(item, dict) else None
        return value[:40] if isinstance(value, str) else ""

    return {
        "algoId": str(algo_id) if algo_id else echo("algoId"),
        "algoClOrdId": echo("algoClOrdId"),
        "clOrdId": "",
        "reqId": echo("reqId"),
        "tag": echo("tag"),
        "sCode": code,
        "sMsg": sentence,
    }


PLACE_ALGO = Verb("place", _place, limits.ALGO, limits.ALGO, urgent=False, row=_row)
AMEND_ALGO = Verb("amend", _amend, limits.ALGO, limits.ALGO, urgent=False, row=_row)
CANCEL_ALGO = Verb("cancel", _cancel, limits.ALGO, limits.ALGO, urgent=True, row=_row)


async def _operate(request: HttpRequest, verb: Verb, items: list[Any], *, batch: bool) -> HttpResponse:
    received = now_us()
    prepared = await prepare(verb, caller_in(request), items, batch=batch)
    request.verdict = prepared.verdict  # type: ignore[attr-defined]
    rows = await finish(prepared)
    return answer(order_answer(rows, received))


@router.post(
    "/order-algo", auth=signed(None), summary="Place a stop, take-profit, trailing, iceberg or TWAP order"
)
async def place_algo(request: HttpRequest) -> HttpResponse:
    return await _operate(request, PLACE_ALGO, [json_object(request.body)], batch=False)


@router.post("/cancel-algos", auth=signed(None), summary="Cancel algo orders")
async def cancel_algos(request: HttpRequest) -> HttpResponse:
    return await _operate(request, CANCEL_ALGO, json_batch(request.body), batch=True)


@router.post("/cancel-advance-algos", auth=signed(None), summary="The same")
async def cancel_advance_algos(request: HttpRequest) -> HttpResponse:
    return await _operate(request, CANCEL_ALGO, json_batch(request.body), batch=True)


@router.post("/amend-algos", auth=signed(None), summary="Change a trigger or a pair")
async def amend_algos(request: HttpRequest) -> HttpResponse:
    return await _operate(request, AMEND_ALGO, [json_object(request.body)], batch=False)


@router.get("/order-algo", auth=signed(), summary="One algo order, open or over")
async def order_algo(request: HttpRequest, algoId: str = "", algoClOrdId: str = "") -> Answer:
    caller = caller_in(request)
    key = algo_key_of({"algoId": algoId, "algoClOrdId": algoClOrdId})
    found = await find_algo(
        caller.catalogue.group_id, caller.account, algo_id=key.algo_id, client_id=key.client_id
    )
    market = caller.catalogue.by_number.get(found.market) if found else None
    if found is None or market is None:
        raise DialectError(*GONE)
    return envelope([algo_row(market, found)])


def _kinds(text: str) -> set[str]:
    if not text:
        raise missing("ordType")
    kinds = set(text.split(","))
    if not kinds <= set(ALGO_TYPES):
        raise parameter_error("ordType", f"choose from {', '.join(ALGO_TYPES)}")
    return kinds


def _rows(caller: Caller, algos: list[Algo], kinds: set[str]) -> Answer:
    known = caller.catalogue.by_number
    chosen = [algo for algo in algos if algo.market in known and algo_type(algo) in kinds]
    return envelope([algo_row(known[algo.market], algo) for algo in chosen])


@router.get("/orders-algo-pending", auth=signed(limits.SLOW_READ), summary="Open algo orders, newest first")
async def orders_algo_pending(
    request: HttpRequest,
    ordType: str = "",
    algoId: str = "",
    instType: str = "",
    instId: str = "",
    after: str = "",
    before: str = "",
    limit: str = "",
) -> Answer:
    caller, kinds = caller_in(request), _kinds(ordType)
    markets = market_filter(caller.catalogue, instType, instId)
    page = page_of(limit, after, before)
    algos = await live_algos(caller.catalogue.group_id, caller.account, markets, page)
    return _rows(caller, [algo for algo in algos if algoId in ("", str(algo.algo_id))], kinds)


@router.get("/orders-algo-history", auth=signed(limits.SLOW_READ), summary="Algo orders that are over")
async def orders_algo_history(
    request: HttpRequest,
    ordType: str = "",
    state: str = "",
    algoId: str = "",
    instType: str = "",
    instId: str = "",
    after: str = "",
    before: str = "",
    begin: str = "",
    end: str = "",
    limit: str = "",
) -> Answer:
    caller, kinds = caller_in(request), _kinds(ordType)
    if not state and not algoId:
        raise DialectError("50014", "Either parameter state or algoId is required.")
    if state and state not in CLOSED_STATES:
        raise parameter_error("state", f"it is {', '.join(CLOSED_STATES)}")
    markets = market_filter(caller.catalogue, instType, instId)
    page = page_of(limit, after, before, begin, end)
    algos = await closed_algos(
        caller.catalogue.group_id, caller.account, markets, CLOSED_STATES.get(state, ()), page
    )
    return _rows(caller, [algo for algo in algos if algoId in ("", str(algo.algo_id))], kinds)
