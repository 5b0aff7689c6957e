"""An account's orders, fills, balances and movements as the dialect's private objects. All values are
text."""

from collections.abc import Iterable, Mapping
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine.models import Fill
from exchange_os.ledger.models import Asset
from trading.decimals import ppm_text, scaled_text
from trading.okx.objects import SIDES, blanks, default_leverage, inst_type
from trading.selectors.accounts import Balance
from trading.selectors.bills import ADL, DELIVERY, FUNDING, LIQUIDATION, MARGIN, TRANSFER, Bill
from trading.selectors.catalogue import TradableMarket
from trading.selectors.orders import Order
from venues.models import MarketKind

STATES = {"live": kernel.STATE_OPEN, "filled": kernel.STATE_FILLED, "canceled": kernel.STATE_CANCELLED}
ROLES = ("M", "T")
_SELF_TRADE = ("cancel_maker", "cancel_taker", "cancel_both")

_ORDER_BLANKS = blanks(
    """
    posSide ccy algoId algoClOrdId attachAlgoClOrdId tpTriggerPx tpTriggerPxType tpOrdPx
    slTriggerPx slTriggerPxType slOrdPx quickMgnType pxUsd pxVol pxType outcome tag fillPx fillSz
    fillTime tradeId
    """
)
_DETAIL_BLANKS = blanks(
    """
    upl eqUsd disEq isoEq imr mmr mgnRatio borrowFroz crossLiab isoLiab liab interest maxLoan
    notionalLever isoUpl uplLiab twap stgyEq spotInUseAmt clSpotInUseAmt maxSpotInUseAmt spotIsoBal
    openAvgPx accAvgPx spotUpl spotUplRatio totalPnl totalPnlRatio fixedBal rewardBal smtSyncEq
    spotCopyTradingEq colRes collateralEnabled autoLendStatus
    """
)
_ACCOUNT_BLANKS = blanks(
    """
    totalEq adjEq availEq isoEq ordFroz imr mmr mgnRatio notionalUsd notionalUsdForBorrow
    notionalUsdForFutures notionalUsdForOption notionalUsdForSwap borrowFroz upl
    """
)


def order_kind(order: Order) -> str:
    """``ordType`` of an order."""
    if order.order_type == kernel.MARKET:
        return "market"
    if order.post_only:
        return "post_only"
    return {kernel.IOC: "ioc", kernel.FOK: "fok"}.get(order.tif, "limit")


def order_state(order: Order) -> str:
    """``state`` of an order."""
    if order.state == kernel.STATE_FILLED:
        return "filled"
    if order.state == kernel.STATE_CANCELLED:
        return "canceled"
    return "partially_filled" if order.filled_lots else "live"


def order_category(order: Order) -> str:
    """``category``: who made the order."""
    if not order.forced:
        return "normal"
    return "full_liquidation" if order.whole else "partial_liquidation"


def placed_price(market: TradableMarket, no: bool, yes_ticks: int) -> str:
    """A price of a market as the owner of an order sees it: that of No if the order is one of ``no``."""
    return market.price_text(market.instrument.payout_ticks - yes_ticks if no else yes_ticks)


def _outcome(market: TradableMarket, no: bool) -> str:
    """``outcome``: the side on which an order of an event was placed, and whose side and price are told."""
    return ("no" if no else "yes") if market.kind == MarketKind.OUTCOME else ""


def _mark(market: TradableMarket, ticks: int) -> str:
    """``fillMarkPx``: only perpetuals have one, and fills from before it was kept have none."""
    return market.price_text(ticks) if ticks else ""


def _gain(market: TradableMarket, units: int | None) -> str:
    """Profit realised; empty where it is not known."""
    return "" if units is None else market.quote_text(units)


def _average(market: TradableMarket, order: Order) -> str:
    cost = order.filled_quote
    if order.no_side:
        cost = order.filled_lots * market.instrument.payout_ticks * market.instrument.tick_quote - cost
    return market.average_text(cost, order.filled_lots)


def order_row(market: TradableMarket, order: Order, gain: int | None = 0, lever: str = "") -> dict[str, Any]:
    """Order as it was placed: one of No has the side and prices of No. A fee charged is negative, a rebate positive;
    ``px`` is empty for a market order; ``gain`` is what its fills realised, in units (``None``: not known)."""
    _, cancel_source, why = kernel.CANCEL_REASONS.get(order.reason, ("", "", ""))
    cancelled = order.state == kernel.STATE_CANCELLED
    spot = market.kind == MarketKind.SPOT
    return {
        **_ORDER_BLANKS,
        "instType": inst_type(market),
        "instId": market.symbol,
        "instIdCode": market.code,
        "ordId": str(order.order_id),
        "clOrdId": order.client_id,
        "px": placed_price(market, order.no_side, order.price_ticks)
        if order.order_type == kernel.LIMIT
        else "",
        "sz": market.size_text(order.size_lots),
        "ordType": order_kind(order),
        "side": SIDES[1 - order.side if order.no_side else order.side],
        "tdMode": "cash" if spot else "cross" if market.kind == MarketKind.PERPETUAL else "isolated",
        "posSide": "" if spot else "net",
        "outcome": _outcome(market, order.no_side),
        "accFillSz": market.size_text(order.filled_lots),
        "avgPx": _average(market, order),
        "state": order_state(order),
        "fee": market.quote_text(-order.fee),
        "feeCcy": market.quote.symbol,
        "rebate": "0",
        "rebateCcy": market.quote.symbol,
        "lever": lever,
        "pnl": _gain(market, gain),
        "category": order_category(order),
        "reduceOnly": "true" if order.reduce_only else "false",
        "tgtCcy": "base_ccy" if spot else "",
        "cancelSource": cancel_source if cancelled else "",
        "cancelSourceReason": why if cancelled else "",
        "source": "",
        "stpId": "",
        "stpMode": _SELF_TRADE[order.stp],
        "attachAlgoOrds": [],
        "linkedAlgoOrd": {"algoId": ""},
        "isTpLimit": "false",
        "uTime": str(order.closed_ms or order.created_ms),
        "cTime": str(order.created_ms),
    }


def order_push_row(market: TradableMarket, order: Order, event: Mapping[str, Any]) -> dict[str, Any]:
    """Order as it is pushed after ``event`` of an ``AccountStream``, with the fill in it if the event is one."""
    perpetual = market.kind == MarketKind.PERPETUAL
    lever = str(event["leverage"] or default_leverage(market)) if perpetual else ""
    notional = order.size_lots * order.price_ticks * market.instrument.tick_quote
    row = order_row(market, order, event["order_pnl"], lever) | {
        "uTime": str(event["time_ms"]),
        "execType": "",
        "fillFee": "0",
        "fillFeeCcy": "",
        "fillPnl": "0",
        "fillNotionalUsd": "",
        "fillMarkPx": "",
        "notionalUsd": market.quote_text(notional) if order.order_type == kernel.LIMIT else "",
        "amendResult": "0" if "request_id" in event else "",
        "amendSource": "1" if "request_id" in event else "",
        "reqId": event.get("request_id", ""),
        "code": "0",
        "msg": "",
        "lastPx": "",
    }
    if event["kind"] == "fill":
        row |= {
            "tradeId": str(event["trade_id"]),
            "fillPx": placed_price(market, order.no_side, event["fill_price_ticks"]),
            "fillMarkPx": _mark(market, event["fill_mark_ticks"]),
            "fillSz": market.size_text(event["fill_size_lots"]),
            "fillTime": str(event["time_ms"]),
            "fillFee": market.quote_text(-event["fill_fee"]),
            "fillFeeCcy": market.quote.symbol,
            "execType": ROLES[event["role"]],
            "fillPnl": _gain(market, event["fill_pnl"]),
            "fillNotionalUsd": market.quote_text(event["fill_notional"]),
            "lastPx": placed_price(market, order.no_side, event["fill_price_ticks"]),
        }
    return row


def fill_row(market: TradableMarket, fill: Fill, gain: int | None = 0) -> dict[str, Any]:
    """Fill, from its row, as its order was placed; ``gain`` is what it realised, in units (``None``: not known)."""
    no = bool(fill.flags & kernel.FLAG_NO)
    side = 1 - fill.side if no else fill.side
    return {
        "instType": inst_type(market),
        "instId": market.symbol,
        "tradeId": str(fill.trade_id),
        "ordId": str(fill.order_id),
        "clOrdId": fill.client_id or "",
        "billId": str(fill.trade_id),
        "tag": "",
        "fillPx": placed_price(market, no, fill.price_ticks),
        "fillSz": market.size_text(fill.size_lots),
        "side": SIDES[side],
        "posSide": "net",
        "execType": ROLES[fill.role],
        "feeCcy": market.quote.symbol,
        "fee": market.quote_text(-fill.fee),
        "feeRate": ppm_text(-fill.fee * 1_000_000 // fill.notional) if fill.notional else "0",
        "fillTime": str(fill.time_ms),
        "ts": str(fill.time_ms),
        "subType": str(side + 1),
        "fillPnl": _gain(market, gain),
        "fillIdxPx": "",
        "fillMarkPx": _mark(market, fill.mark_ticks),
        "fillPxVol": "",
        "fillPxUsd": "",
        "fillMarkVol": "",
        "fillFwdPx": "",
        "tradeQuoteCcy": market.quote.symbol,
        "outcome": _outcome(market, no),
    }


def fill_push_row(market: TradableMarket, event: Mapping[str, Any]) -> dict[str, Any]:
    """Fill, as the ``fills`` channel pushes it."""
    no = event["no_side"]
    return {
        "instId": market.symbol,
        "tradeId": str(event["trade_id"]),
        "ordId": str(event["order_id"]),
        "clOrdId": event["client_id"],
        "fillPx": placed_price(market, no, event["fill_price_ticks"]),
        "fillSz": market.size_text(event["fill_size_lots"]),
        "side": SIDES[1 - event["side"] if no else event["side"]],
        "execType": ROLES[event["role"]],
        "fee": market.quote_text(-event["fill_fee"]),
        "feeCcy": market.quote.symbol,
        "fillPnl": _gain(market, event["fill_pnl"]),
        "outcome": _outcome(market, no),
        "count": "1",
        "ts": str(event["time_ms"]),
    }


def detail_row(asset: Asset, total: int, held: int, ts_ms: int) -> dict[str, Any]:
    """One asset of an account: ``held`` units back open orders."""
    all_text, free_text = scaled_text(total, asset.scale), scaled_text(total - held, asset.scale)
    held_text = scaled_text(held, asset.scale)
    return {
        **_DETAIL_BLANKS,
        "ccy": asset.symbol,
        "eq": all_text,
        "cashBal": all_text,
        "spotBal": all_text,
        "availEq": free_text,
        "availBal": free_text,
        "frozenBal": held_text,
        "ordFrozen": held_text,
        "uTime": str(ts_ms),
    }


def account_row(details: Iterable[dict[str, Any]], ts_ms: int) -> dict[str, Any]:
    """Account. There is no common unit in which a spot venue could value it, so totals stay empty."""
    return {**_ACCOUNT_BLANKS, "uTime": str(ts_ms), "details": list(details)}


def balance_details(balances: Iterable[Balance], ts_ms: int) -> list[dict[str, Any]]:
    """Details of what an account holds."""
    return [detail_row(balance.asset, balance.total, balance.held, ts_ms) for balance in balances]


def _sub_type(bill: Bill) -> str:
    """``subType`` of what is no plain trade: transfers 11 and 12, funding 173 paid and 174 received, and closings by
    the side of the position that was closed."""
    gained = bill.change > 0
    long = bill.row is not None and bill.row.lots < 0
    return {
        TRANSFER: "11" if gained else "12",
        FUNDING: "174" if gained else "173",
        LIQUIDATION: "100" if long else "101",
        ADL: "125" if long else "126",
        DELIVERY: "112" if long else "113",
        MARGIN: "160" if gained else "161",
    }.get(bill.kind, "")


def _bill_size(bill: Bill) -> str:
    lots = bill.fill.size_lots if bill.fill else bill.row.lots if bill.row else 0
    return bill.market.size_text(abs(lots)) if bill.market else ""


def bill_row(bill: Bill) -> dict[str, Any]:
    """Movement of an account; a trade shows its quote leg, fee included."""
    fill, market, row = bill.fill, bill.market, bill.row
    part = fill or row
    change = scaled_text(bill.change, bill.asset.scale)
    return {
        "billId": str(bill.identity),
        "instType": inst_type(market) if market else "",
        "instId": market.symbol if market else "",
        "ccy": bill.asset.symbol,
        "type": bill.kind,
        "subType": str(fill.side + 1) if fill else _sub_type(bill),
        "bal": scaled_text(row.cash_after, bill.asset.scale) if row and row.cash_after else "",
        "balChg": change,
        "posBal": "",
        "posBalChg": market.size_text(row.lots) if row and market else "",
        "pnl": scaled_text(row.amount, bill.asset.scale) if row else "0",
        "fee": scaled_text(-bill.fee, bill.asset.scale),
        "sz": _bill_size(bill) if market else change.removeprefix("-"),
        "px": market.price_text(part.price_ticks) if market and part and part.price_ticks else "",
        "ts": str(bill.time_ms),
        "mgnMode": "",
        "ordId": str(fill.order_id) if fill else "",
        "clOrdId": fill.client_id or "" if fill else "",
        "tradeId": str(fill.trade_id) if fill else "",
        "execType": ROLES[fill.role] if fill else "",
        "from": "" if market else "6" if bill.change > 0 else "18",
        "to": "" if market else "18" if bill.change > 0 else "6",
        "interest": "",
        "earnAmt": "",
        "earnApr": "",
        "fillTime": str(bill.time_ms) if fill else "",
        "notes": "",
        "tag": "",
    }
