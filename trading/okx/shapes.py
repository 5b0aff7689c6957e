"""Rows of ``data`` by operation, for the OpenAPI document: every member is a text unless told."""

from typing import Any

_INSTRUMENT = """
    uly instFamily seriesId settleCcy ctVal ctMult ctValCcy ctType optType stk expTime lever alias auctionEndTime
    openType preMktSwTime futureSettlement posLmtAmt posLmtPct maxPlatOILmt instType instId instIdCode:integer
    instCategory baseCcy quoteCcy listTime contTdSwTime tickSz lotSz minSz state ruleType maxLmtSz maxMktSz
    maxLmtAmt maxMktAmt maxTwapSz maxIcebergSz maxTriggerSz maxStopSz category groupId tradeQuoteCcyList:array
    upcChg:array
"""
_TICKER = """
    instType instId last lastSz askPx askSz bidPx bidSz open24h high24h low24h volCcy24h vol24h sodUtc0 sodUtc8 ts
"""
_BOOK = """
    asks:array bids:array ts seqId:integer
"""
_TRADE = """
    instId tradeId px sz side ts count source seqId:integer
"""
_ORDER = """
    posSide ccy algoId algoClOrdId attachAlgoClOrdId tpTriggerPx tpTriggerPxType tpOrdPx slTriggerPx slTriggerPxType
    slOrdPx quickMgnType pxUsd pxVol pxType outcome tag fillPx fillSz fillTime tradeId instType instId
    instIdCode:integer ordId clOrdId px sz ordType side tdMode accFillSz avgPx state fee feeCcy rebate rebateCcy
    lever pnl category reduceOnly tgtCcy cancelSource cancelSourceReason source stpId stpMode attachAlgoOrds:array
    linkedAlgoOrd:object isTpLimit uTime cTime
"""
_FILL = """
    instType instId tradeId ordId clOrdId billId tag fillPx fillSz side posSide execType feeCcy fee feeRate fillTime
    ts subType fillPnl fillIdxPx fillMarkPx fillPxVol fillPxUsd fillMarkVol fillFwdPx tradeQuoteCcy outcome
"""
_BILL = """
    billId instType instId ccy type subType bal balChg posBal posBalChg pnl fee sz px ts mgnMode ordId clOrdId
    tradeId execType from to interest earnAmt earnApr fillTime notes tag
"""
_POSITION = """
    interest tradeId usdPx baseBal quoteBal quoteBorrowed quoteInterest posCcy optVal pendingCloseOrdLiabVal
    spotInUseAmt spotInUseCcy deltaBS gammaBS thetaBS vegaBS deltaPA gammaPA thetaPA vegaPA bizRefId bizRefType
    clSpotInUseAmt maxSpotInUseAmt hedgedPos nonSettleAvgPx settledPnl instType instId mgnMode posId posSide pos
    availPos avgPx bePx upl uplLastPx uplRatio uplRatioLastPx lever liqPx markPx idxPx last imr margin mmr mgnRatio
    notionalUsd adl ccy realizedPnl pnl fee fundingFee liqPenalty closeOrderAlgo:array cTime uTime
"""
_PLACED = """
    ordId clOrdId ts sCode sMsg tag subCode
"""
_AMENDED = """
    ordId clOrdId ts sCode sMsg reqId subCode
"""
_CANCELLED = """
    ordId clOrdId ts sCode sMsg
"""
_ALGO = """
    ccy clOrdId closeFraction lever tpTriggerPx tpTriggerPxType tpOrdPx slTriggerPx slTriggerPxType slOrdPx
    triggerPx triggerPxType ordPx actualSz actualPx actualSide triggerTime pxVar pxSpread szLimit pxLimit timeInterval
    callbackRatio callbackSpread activePx moveTriggerPx quickMgnType last failCode failReason amendPxOnTriggerType tag
    isTradeBorrowMode chaseType chaseVal maxChaseType maxChaseVal notionalUsd amendResult reqId instType instId
    instIdCode:integer algoId algoClOrdId ordId ordIdList:array sz ordType side posSide tdMode tgtCcy state reduceOnly
    linkedOrd:object attachAlgoOrds:array cTime uTime
"""
_ALGO_DONE = """
    algoId algoClOrdId clOrdId reqId tag sCode sMsg
"""
#: No row is ever sent.
_NOTHING = "-"

#: ``name`` or ``name:type``, separated by spaces; ``[]``: each row is itself a list of texts; ``-``: there are no rows.
SHAPES: dict[str, str] = {
    "GET /public/instruments": _INSTRUMENT,
    "GET /account/instruments": _INSTRUMENT,
    "GET /market/ticker": _TICKER,
    "GET /market/tickers": _TICKER,
    "GET /market/books": _BOOK,
    "GET /market/books-full": _BOOK,
    "GET /market/trades": _TRADE,
    "GET /market/history-trades": _TRADE,
    "GET /trade/orders-pending": _ORDER,
    "GET /trade/orders-history": _ORDER,
    "GET /trade/orders-history-archive": _ORDER,
    "GET /trade/order": _ORDER,
    "GET /trade/fills": _FILL,
    "GET /trade/fills-history": _FILL,
    "GET /account/bills": _BILL,
    "GET /account/bills-archive": _BILL,
    "GET /account/positions": _POSITION,
    "GET /account/balance": """
        totalEq adjEq availEq isoEq ordFroz imr mmr mgnRatio notionalUsd notionalUsdForBorrow notionalUsdForFutures
        notionalUsdForOption notionalUsdForSwap borrowFroz upl uTime details:array
    """,
    "GET /public/time": "ts",
    "GET /public/mark-price": "instType instId markPx ts",
    "GET /public/open-interest": "instType instId oi oiCcy oiUsd ts",
    "GET /public/funding-rate": """
        instType instId fundingRate nextFundingRate fundingTime nextFundingTime prevFundingTime minFundingRate
        maxFundingRate interestRate impactValue settState settFundingRate premium formulaType method ts
    """,
    "GET /public/price-limit": "instType instId buyLmt sellLmt ts enabled:boolean",
    "GET /public/position-tiers": """
        tier minSz maxSz mmr imr maxLever uly instFamily instId optMgnFactor quoteMaxLoan baseMaxLoan
    """,
    "GET /public/instrument-tick-bands": "instType instFamily tickBand:array",
    "GET /public/event-contract/series": "seriesId freq title category settlement:object",
    "GET /public/event-contract/events": "seriesId eventId title fixTime expTime state",
    "GET /public/event-contract/markets": """
        seriesId eventId instId instType title listTime fixTime expTime state outcome floorStrike capStrike
        settleValue disputed:boolean hitDir
    """,
    "GET /account/trade-fee": """
        instType level maker taker makerU takerU makerUSDC takerUSDC delivery exercise settle category ruleType ts
        feeGroup:array fiat:array
    """,
    "GET /account/max-size": "instId ccy maxBuy maxSell",
    "GET /account/max-avail-size": "instId availBuy availSell",
    "GET /account/leverage-info": "instId mgnMode posSide lever ccy",
    "GET /asset/deposit-history": """
        depId ccy chain amt from areaCodeFrom to txId ts state fromWdId actualDepBlkConfirm
    """,
    "GET /account/config": """
        uid mainUid acctLv posMode perm acctStpMode level levelTmp label kycLv ip settleCcy settleCcyList:array
        autoLoan:boolean ctIsoMode mgnIsoMode greeksType enableSpotBorrow:boolean spotBorrowAutoRepay:boolean roleType
        spotOffsetType spotRoleType spotTraderInsts:array traderInsts:array opAuth liquidationGear type
    """,
    "GET /account/account-position-risk": "adjEq balData:array posData:array ts",
    "GET /account/positions-history": """
        instType instId mgnMode type posId openAvgPx nonSettleAvgPx closeAvgPx openMaxPos closeTotalPos realizedPnl pnl
        pnlRatio fee fundingFee liqPenalty posSide direction lever ccy uly triggerPx cTime uTime
    """,
    "POST /account/set-leverage": "instId mgnMode posSide lever ccy",
    "POST /account/set-position-mode": "posMode",
    "POST /account/position/margin-balance": "instId posSide type amt ccy leverage",
    "GET /asset/balances": "ccy bal availBal frozenBal",
    "GET /asset/currencies": """
        ccy name logoLink chain ctAddr canDep:boolean canWd:boolean canInternal:boolean minDep minDepArrivalConfirm
        minWd minInternal minWdUnlockConfirm maxWd wdTickSz wdQuota usedWdQuota fee minFee maxFee minFeeForCtAddr
        maxFeeForCtAddr burningFeeRate mainNet:boolean needTag:boolean depQuotaFixed usedDepQuotaFixed
        depQuoteDailyLayer2 depEstOpenTime wdEstOpenTime
    """,
    "GET /asset/deposit-address": _NOTHING,
    "POST /asset/transfer": "transId ccy clientId from amt to",
    "GET /asset/transfer-state": "transId clientId ccy amt type from to subAcct instId toInstId state",
    "POST /asset/withdrawal": "wdId ccy chain amt clientId",
    "POST /asset/cancel-withdrawal": "wdId",
    "GET /asset/withdrawal-history": """
        wdId clientId ccy chain nonTradableAsset:boolean amt fee feeCcy from areaCodeFrom to areaCodeTo toAddrType tag
        pmtId memo addrEx txId ts state note
    """,
    "GET /market/index-tickers": "instId idxPx high24h low24h open24h sodUtc0 sodUtc8 ts",
    "GET /public/funding-rate-history": "instType instId fundingRate realizedRate fundingTime method formulaType",
    "GET /public/underlying": _NOTHING,
    "GET /sprd/orders-history": _NOTHING,
    "GET /sprd/orders-pending": _NOTHING,
    "GET /sprd/trades": _NOTHING,
    "GET /system/status": """
        title state begin end href serviceType system scheDesc preOpenBegin maintType env
    """,
    "POST /trade/order-algo": _ALGO_DONE,
    "POST /trade/amend-algos": _ALGO_DONE,
    "POST /trade/cancel-algos": _ALGO_DONE,
    "POST /trade/cancel-advance-algos": _ALGO_DONE,
    "GET /trade/order-algo": _ALGO,
    "GET /trade/orders-algo-pending": _ALGO,
    "GET /trade/orders-algo-history": _ALGO,
    "POST /trade/cancel-all-after": "triggerTime tag ts",
    "POST /trade/close-position": "instId posSide clOrdId tag",
    "POST /trade/mass-cancel": "result:boolean",
    "GET /market/candles": "[]",
    "GET /market/history-candles": "[]",
    "GET /market/mark-price-candles": "[]",
    "GET /market/history-mark-price-candles": "[]",
    "GET /market/index-candles": "[]",
    "GET /market/history-index-candles": "[]",
    "POST /trade/order": _PLACED,
    "POST /trade/batch-orders": _PLACED,
    "POST /trade/amend-order": _AMENDED,
    "POST /trade/amend-batch-orders": _AMENDED,
    "POST /trade/cancel-order": _CANCELLED,
    "POST /trade/cancel-batch-orders": _CANCELLED,
}


def rows_of(operation: str) -> dict[str, Any]:
    """What a row of an operation's ``data`` is, as a schema."""
    told = SHAPES[operation]
    if told == "[]":
        return {"type": "array", "items": {"type": "string"}}
    if told == _NOTHING:
        return {"not": {}}
    members = [name.partition(":") for name in told.split()]
    return {
        "type": "object",
        "required": [name for name, _, _ in members],
        "properties": {name: {"type": kind or "string"} for name, _, kind in members},
    }
