"""Positions and margin as the dialect's private objects. All values are text."""

from collections.abc import Iterable
from typing import Any

from exchange_kernel import BILL_KINDS

from exchange_os.engine.models import Bill as BillRow
from exchange_os.ledger.models import Asset
from trading.decimals import ppm_text, scaled_text
from trading.okx.objects import blanks, family, inst_type
from trading.selectors.catalogue import TradableMarket, VenueCatalogue
from trading.selectors.closings import Closing
from trading.selectors.positions import Holdings, Position, Risk
from venues.models import MarketKind

PPM = 1_000_000

_POSITION_BLANKS = blanks(
    """
    interest tradeId usdPx baseBal quoteBal quoteBorrowed quoteInterest posCcy optVal pendingCloseOrdLiabVal
    spotInUseAmt spotInUseCcy deltaBS gammaBS thetaBS vegaBS deltaPA gammaPA thetaPA vegaPA
    bizRefId bizRefType clSpotInUseAmt maxSpotInUseAmt hedgedPos nonSettleAvgPx settledPnl
    """
)


def position_id(account: int, market: int) -> str:
    """The dialect's number of a position: an account has one a market."""
    return str(account * 10_000 + market)


def ratio(part: int, whole: int) -> str:
    """``part / whole`` as text with six decimals; empty without a whole."""
    return ppm_text(part * PPM // whole) if whole > 0 else ""


def average_price(market: TradableMarket, position: Position) -> str:
    """What a lot cost on average; empty when flat."""
    return market.average_text(abs(position.entry), abs(position.lots))


def position_row(
    market: TradableMarket, position: Position, risk: Risk | None, account: int, now_ms: int
) -> dict[str, Any]:
    """Position, every key of it; ``pos`` is signed, 0 when closed."""
    outcome = market.kind == MarketKind.OUTCOME
    isolated = position.isolated or outcome
    upnl = position.profit(market.instrument.tick_quote)
    notional = abs(position.value_at_mark(market.instrument.tick_quote)) if outcome else position.notional
    quote, mark = market.quote_text, market.price_text(position.mark_ticks) if position.mark_ticks else ""
    closing = position.open_sell if position.lots > 0 else position.open_buy
    available = max(0, abs(position.lots) - closing)
    cross_ratio = risk.ratio_text if risk is not None and not isolated else ""
    own_ratio = ratio(position.margin + upnl, position.maintenance) if position.isolated else ""
    return {
        **_POSITION_BLANKS,
        "instType": inst_type(market),
        "instId": market.symbol,
        "mgnMode": "isolated" if isolated else "cross",
        "posId": position_id(account, market.number),
        "posSide": "net",
        "pos": market.size_text(position.lots),
        "availPos": market.size_text(available),
        "avgPx": average_price(market, position),
        "nonSettleAvgPx": average_price(market, position),
        "bePx": average_price(market, position),
        "upl": quote(upnl),
        "uplLastPx": quote(upnl),
        "uplRatio": ratio(upnl, position.initial or abs(position.entry)),
        "uplRatioLastPx": ratio(upnl, position.initial or abs(position.entry)),
        "lever": "1" if outcome else str(position.leverage),
        "liqPx": market.price_text(position.liquidation_ticks) if position.liquidation_ticks else "",
        "markPx": mark,
        "idxPx": "",
        "last": mark,
        "imr": "" if isolated else quote(position.initial),
        "margin": quote(position.margin) if position.isolated else "",
        "mmr": quote(position.maintenance),
        "mgnRatio": own_ratio or cross_ratio,
        "notionalUsd": quote(notional),
        "adl": "",  # counted over all who hold: the page asks for it, programs would all the time
        "ccy": market.quote.symbol,
        "realizedPnl": quote(position.realised),
        "pnl": quote(position.realised),
        "fee": "0",
        "fundingFee": quote(-position.funding_due),
        "liqPenalty": "0",
        "closeOrderAlgo": [],
        "cTime": str(now_ms),
        "uTime": str(now_ms),
    }


def position_rows(
    catalogue: VenueCatalogue, holdings: Holdings, account: int, *, flat: bool = False
) -> list[dict[str, Any]]:
    """Positions of an account; ``flat`` ones too if asked."""
    return [
        position_row(catalogue.by_number[position.market], position, holdings.risk, account, holdings.now_ms)
        for position in holdings.positions
        if position.market in catalogue.by_number and (position.lots or flat)
    ]


def margin_members(asset: Asset, risk: Risk) -> dict[str, str]:
    """What margin adds to the account as a whole."""

    def text(units: int) -> str:
        return scaled_text(units, asset.scale)

    return {
        "totalEq": text(risk.equity + risk.isolated),
        "adjEq": text(risk.equity),
        "availEq": text(risk.free),
        "isoEq": text(risk.isolated),
        "imr": text(risk.initial),
        "mmr": text(risk.maintenance),
        "mgnRatio": risk.ratio_text,
        "upl": text(risk.upnl),
    }


def margin_detail(asset: Asset, risk: Risk) -> dict[str, str]:
    """What margin adds to the line of the settlement asset."""

    def text(units: int) -> str:
        return scaled_text(units, asset.scale)

    return {
        "eq": text(risk.equity + risk.isolated),
        "availEq": text(max(0, risk.free)),
        "isoEq": text(risk.isolated),
        "imr": text(risk.initial),
        "mmr": text(risk.maintenance),
        "mgnRatio": risk.ratio_text,
        "upl": text(risk.upnl),
    }


def with_margin(row: dict[str, Any], assets: dict[int, Asset], holdings: Holdings) -> dict[str, Any]:
    """The account object with its margin in it, if it has any."""
    risk = holdings.risk
    asset = assets.get(risk.asset) if risk is not None else None
    if risk is None or asset is None:
        return row
    details = [
        detail | margin_detail(asset, risk) if detail["ccy"] == asset.symbol else detail
        for detail in row["details"]
    ]
    return row | margin_members(asset, risk) | {"details": details}


def leverage_row(market: TradableMarket, leverage: int, isolated: bool) -> dict[str, str]:
    """Leverage of an account in a market."""
    return {
        "instId": market.symbol,
        "mgnMode": "isolated" if isolated else "cross",
        "posSide": "net",
        "lever": str(leverage),
        "ccy": "",
    }


def tier_rows(market: TradableMarket, tiers: Iterable[list[int]], mark_ticks: int) -> list[dict[str, str]]:
    """Margin tiers of a perpetual: sizes in contracts at the present mark price; all twelve keys."""
    rows, below = [], 0
    unit = max(1, mark_ticks * market.instrument.tick_quote)
    for index, (up_to, initial_ppm, maintenance_ppm) in enumerate(tiers, 1):
        largest = up_to // unit
        rows.append(
            {
                "tier": str(index),
                "minSz": str(below),
                "maxSz": str(largest),
                "mmr": ppm_text(maintenance_ppm),
                "imr": ppm_text(initial_ppm),
                "maxLever": scaled_text(PPM * 100 // max(1, initial_ppm), 2),
                "uly": "",
                "instFamily": "",
                "instId": market.symbol,
                "optMgnFactor": "",
                "quoteMaxLoan": "",
                "baseMaxLoan": "",
            }
        )
        below = largest
    return rows


_BILL_NAMES = {number: name for name, number in BILL_KINDS.items()}
#: ``type`` of a closing in the dialect, by the kind of the bill that tells it.
_CLOSINGS = {"liquidation": "3", "adl": "5", "settlement": "2", "realised": "1"}


def history_row(market: TradableMarket, bill: BillRow, account: int, *, partly: bool) -> dict[str, Any]:
    """One closing of (part of) a position: its size, price and what came of it; ``partly`` if a liquidation left a
    part."""
    name = _BILL_NAMES[bill.kind]
    quote = market.quote_text
    return {
        "instType": inst_type(market),
        "instId": market.symbol,
        "mgnMode": "cross" if market.kind == MarketKind.PERPETUAL else "isolated",
        "type": "4" if partly and name == "liquidation" else _CLOSINGS.get(name, "1"),
        "posId": position_id(account, market.number),
        "openAvgPx": "",
        "nonSettleAvgPx": "",
        "closeAvgPx": market.price_text(bill.price_ticks) if bill.price_ticks else "",
        "openMaxPos": market.size_text(abs(bill.lots)),
        "closeTotalPos": market.size_text(abs(bill.lots)),
        "realizedPnl": quote(bill.amount - bill.fee),
        "pnl": quote(bill.amount),
        "pnlRatio": "",
        "fee": quote(-bill.fee) if name == "realised" else "0",
        "fundingFee": "0",
        "liqPenalty": quote(-bill.fee) if name in ("liquidation", "adl") else "0",
        "posSide": "net",
        "direction": "short" if bill.lots > 0 else "long",
        "lever": "",
        "ccy": market.quote.symbol,
        "uly": family(market),
        "triggerPx": "",
        "cTime": str(bill.time_ms),
        "uTime": str(bill.time_ms),
    }


def closing_row(market: TradableMarket, closing: Closing, account: int) -> dict[str, Any]:
    """A position that trading opened and closed, as a whole or (type 1) in part so far."""
    quote = market.quote_text
    net = closing.gain - closing.fee + closing.funding
    return {
        "instType": inst_type(market),
        "instId": market.symbol,
        "mgnMode": "cross",
        "type": "1" if closing.is_partial else "2",
        "posId": position_id(account, market.number),
        "openAvgPx": market.average_text(closing.open_value, closing.lots),
        "nonSettleAvgPx": "",
        "closeAvgPx": market.average_text(closing.close_value, closing.closed_lots),
        "openMaxPos": market.size_text(closing.most),
        "closeTotalPos": market.size_text(closing.closed_lots),
        "realizedPnl": quote(net),
        "pnl": quote(closing.gain),
        "pnlRatio": ratio(net, closing.open_value),
        "fee": quote(-closing.fee),
        "fundingFee": quote(closing.funding),
        "liqPenalty": "0",
        "posSide": "net",
        "direction": "long" if closing.long else "short",
        "lever": "",
        "ccy": market.quote.symbol,
        "uly": family(market),
        "triggerPx": "",
        "cTime": str(closing.opened_ms),
        "uTime": str(closing.closed_ms),
    }
