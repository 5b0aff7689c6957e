"""Order entry and order queries of the caller."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from trading import limits
from trading.okx.caller import Caller
from trading.okx.envelope import answer, envelope, now_us, order_answer
from trading.okx.errors import DialectError, missing, parameter_error
from trading.okx.gate import caller_in, signed
from trading.okx.objects import instruments_of_kind
from trading.okx.orders import (
    AMEND,
    CANCEL,
    PLACE,
    Verb,
    cancel_everything,
    cancel_everything_after,
    finish,
    now_ms,
    prepare,
)
from trading.okx.private_objects import STATES, order_kind, order_state
from trading.okx.realised import told
from trading.okx.refusals import GONE_ORDER_CODES
from trading.okx.requests import (
    integer_text,
    json_batch,
    json_object,
    kind_named,
    market_named,
    order_key_of,
    page_of,
)
from trading.selectors.catalogue import VenueCatalogue
from trading.selectors.orders import (
    Markets,
    Order,
    Window,
    closed_orders,
    fills_page,
    find_order,
    live_orders,
)

router = Router()
Answer = dict[str, Any]

DAY_MS = 86_400_000
THREE_DAYS_MS, WEEK_MS, THREE_MONTHS_MS = 3 * DAY_MS, 7 * DAY_MS, 92 * DAY_MS
ORDER_KINDS = ("market", "limit", "post_only", "fok", "ioc", "optimal_limit_ioc")


def _common(request: HttpRequest) -> dict[str, str]:
    """Fields that came as headers and hold for every item."""
    deadline = request.headers.get("expTime", "")
    return {"expTime": deadline} if deadline else {}


async def _operate(request: HttpRequest, verb: Verb, items: list[Any], *, batch: bool) -> HttpResponse:
    received = now_us()
    prepared = await prepare(verb, caller_in(request), items, batch=batch, common=_common(request))
    request.verdict = prepared.verdict  # type: ignore[attr-defined]
    return answer(order_answer(await finish(prepared), received))


@router.post("/order", auth=signed(None), summary="Place an order")
async def place_order(request: HttpRequest) -> HttpResponse:
    return await _operate(request, PLACE, [json_object(request.body)], batch=False)


@router.post("/batch-orders", auth=signed(None), summary="Place up to 20 orders")
async def place_orders(request: HttpRequest) -> HttpResponse:
    return await _operate(request, PLACE, json_batch(request.body), batch=True)


@router.post("/cancel-order", auth=signed(None), summary="Cancel an order")
async def cancel_order(request: HttpRequest) -> HttpResponse:
    return await _operate(request, CANCEL, [json_object(request.body)], batch=False)


@router.post("/cancel-batch-orders", auth=signed(None), summary="Cancel up to 20 orders")
async def cancel_orders(request: HttpRequest) -> HttpResponse:
    return await _operate(request, CANCEL, json_batch(request.body), batch=True)


@router.post("/amend-order", auth=signed(None), summary="Change an order")
async def amend_order(request: HttpRequest) -> HttpResponse:
    return await _operate(request, AMEND, [json_object(request.body)], batch=False)


@router.post("/amend-batch-orders", auth=signed(None), summary="Change up to 20 orders")
async def amend_orders(request: HttpRequest) -> HttpResponse:
    return await _operate(request, AMEND, json_batch(request.body), batch=True)


@router.post("/cancel-all-after", auth=signed(None), summary="Dead-man switch, in seconds")
async def cancel_all_after(request: HttpRequest) -> Answer:
    return envelope(await cancel_everything_after(caller_in(request), json_object(request.body)))


@router.post("/mass-cancel", auth=signed(None), summary="Cancel every order, of one instrument if named")
async def mass_cancel(request: HttpRequest) -> Answer:
    return envelope(await cancel_everything(caller_in(request), json_object(request.body or b"{}")))


@router.get("/order", auth=signed(), summary="One order, open or over")
async def order(request: HttpRequest, instId: str = "", ordId: str = "", clOrdId: str = "") -> Answer:
    caller = caller_in(request)
    market = market_named(caller.catalogue, instId)
    key = order_key_of({"ordId": ordId, "clOrdId": clOrdId})
    found = await find_order(
        caller.catalogue.group_id, caller.account, order_id=key.order_id, client_id=key.client_id
    )
    if found is None or found.market != market.number:
        raise DialectError(*GONE_ORDER_CODES["query"])
    return envelope([(await told(caller, orders=[found])).order(found)])


def market_filter(catalogue: VenueCatalogue, kind: str, inst_id: str) -> Markets:
    """Numbers of the markets of a kind and a name; all if neither is given."""
    if inst_id:
        return (market_named(catalogue, inst_id).number,)
    return [market.number for market in instruments_of_kind(catalogue, kind_named(kind))] if kind else None


async def _rows(caller: Caller, orders: list[Order], kind: str, state: str) -> list[Answer]:
    kinds = {name for name in kind.split(",") if name}
    if not kinds <= set(ORDER_KINDS):
        raise parameter_error("ordType", f"choose from {', '.join(ORDER_KINDS)}")
    chosen = [
        order
        for order in orders
        if order.market in caller.catalogue.by_number
        and (not kinds or order_kind(order) in kinds)
        and (not state or order_state(order) == state)
    ]
    rows = await told(caller, orders=chosen)
    return [rows.order(order) for order in chosen]


@router.get("/orders-pending", auth=signed(), summary="Open orders, newest first")
async def orders_pending(
    request: HttpRequest,
    instType: str = "",
    instId: str = "",
    ordType: str = "",
    state: str = "",
    after: str = "",
    before: str = "",
    limit: str = "",
) -> Answer:
    caller = caller_in(request)
    catalogue, account = caller.catalogue, caller.account
    markets = market_filter(catalogue, instType, instId)
    if state not in ("", "live", "partially_filled"):
        raise parameter_error("state", "it is live or partially_filled")
    orders = await live_orders(catalogue.group_id, account, markets, page_of(limit, after, before))
    return envelope(await _rows(caller, orders, ordType, state))


async def _history(
    caller: Caller, inst_type: str, inst_id: str, kind: str, state: str, page: Window
) -> Answer:
    if not inst_type:
        raise missing("instType")
    if state not in ("", "filled", "canceled"):
        raise parameter_error("state", "it is filled or canceled")
    catalogue = caller.catalogue
    markets = market_filter(catalogue, inst_type, inst_id)
    orders = await closed_orders(catalogue.group_id, caller.account, markets, STATES.get(state), page)
    return envelope(await _rows(caller, orders, kind, state))


@router.get("/orders-history", auth=signed(), summary="Orders of the last 7 days that are over, newest first")
async def orders_history(
    request: HttpRequest,
    instType: str = "",
    instId: str = "",
    ordType: str = "",
    state: str = "",
    after: str = "",
    before: str = "",
    begin: str = "",
    end: str = "",
    limit: str = "",
) -> Answer:
    page = page_of(limit, after, before, begin, end).not_before(now_ms() - WEEK_MS)
    return await _history(caller_in(request), instType, instId, ordType, state, page)


@router.get(
    "/orders-history-archive", auth=signed(limits.SLOW_READ), summary="The same, of the last 3 months"
)
async def orders_history_archive(
    request: HttpRequest,
    instType: str = "",
    instId: str = "",
    ordType: str = "",
    state: str = "",
    after: str = "",
    before: str = "",
    begin: str = "",
    end: str = "",
    limit: str = "",
) -> Answer:
    page = page_of(limit, after, before, begin, end).not_before(now_ms() - THREE_MONTHS_MS)
    return await _history(caller_in(request), instType, instId, ordType, state, page)


async def _fills(caller: Caller, inst_type: str, inst_id: str, order_id: str, page: Window) -> Answer:
    catalogue = caller.catalogue
    number = integer_text(order_id, "ordId")
    markets = market_filter(catalogue, inst_type, inst_id)
    rows = await fills_page(catalogue.group_id, caller.account, markets, number, page)
    known = catalogue.by_number
    rows = [row for row in rows if row.market in known]
    rows_told = await told(caller, fills=rows)
    return envelope([rows_told.fill(row) for row in rows])


@router.get("/fills", auth=signed(), summary="Fills of the last 3 days, newest first")
async def fills(
    request: HttpRequest,
    instType: str = "",
    instId: str = "",
    ordId: str = "",
    after: str = "",
    before: str = "",
    begin: str = "",
    end: str = "",
    limit: str = "",
) -> Answer:
    page = page_of(limit, after, before, begin, end).not_before(now_ms() - THREE_DAYS_MS)
    return await _fills(caller_in(request), instType, instId, ordId, page)


@router.get("/fills-history", auth=signed(limits.SLOW_READ), summary="The same, of the last 3 months")
async def fills_history(
    request: HttpRequest,
    instType: str = "",
    instId: str = "",
    ordId: str = "",
    after: str = "",
    before: str = "",
    begin: str = "",
    end: str = "",
    limit: str = "",
) -> Answer:
    page = page_of(limit, after, before, begin, end).not_before(now_ms() - THREE_MONTHS_MS)
    return await _fills(caller_in(request), instType, instId, ordId, page)
