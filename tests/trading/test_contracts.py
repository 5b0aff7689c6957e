"""Perpetuals and events through the trading API: what they are, what they cost, positions from open to close."""

import ccxt
import pytest

from tests.trading.client import Trader, VenueAddress, client_id, public
from tests.trading.sockets import Socket
from tests.trading.test_ccxt import options

SWAP = "BTC-USD-SWAP"
UNIFIED = "BTC/USD:USD"
INSTRUMENT = """
    instType instId instIdCode uly instFamily seriesId instCategory baseCcy quoteCcy settleCcy ctVal ctMult ctValCcy
    ctType optType stk listTime expTime contTdSwTime lever tickSz lotSz minSz state ruleType maxLmtSz maxMktSz
    maxLmtAmt maxMktAmt maxTwapSz maxIcebergSz maxTriggerSz maxStopSz alias category groupId tradeQuoteCcyList upcChg
"""
POSITION = """
    instType instId mgnMode posId posSide pos availPos avgPx upl uplRatio uplLastPx uplRatioLastPx lever liqPx markPx
    imr margin mmr mgnRatio interest tradeId notionalUsd adl ccy last idxPx usdPx cTime uTime realizedPnl pnl fee
    fundingFee liqPenalty bePx baseBal quoteBal quoteBorrowed quoteInterest posCcy optVal pendingCloseOrdLiabVal
    spotInUseAmt spotInUseCcy deltaBS gammaBS thetaBS vegaBS
"""


def order(trader: Trader, instrument: str, side: str, size: str, price: str = "", **extra: object) -> dict:
    """Place an order in contracts, at market without a price; its row."""
    item = {
        "instId": instrument,
        "tdMode": "cross",
        "side": side,
        "sz": size,
        "clOrdId": client_id(),
        **extra,
    }
    item |= {"ordType": "limit", "px": price} if price else {"ordType": "market"}
    return trader.post("/trade/order", item)["data"][0]


def placed(trader: Trader, instrument: str, side: str, size: str, price: str = "", **extra: object) -> str:
    """Place an order that must be taken; its id."""
    row = order(trader, instrument, side, size, price, **extra)
    assert row["sCode"] == "0", row
    return row["ordId"]


def one(address: VenueAddress, path: str) -> dict:
    """The only row of a public answer."""
    answer = public(address, path)
    assert answer["code"] == "0", answer
    (row,) = answer["data"]
    return row


def position(trader: Trader, instrument: str) -> dict | None:
    """The position in an instrument, if there is one."""
    rows = trader.get(f"/account/positions?instId={instrument}")["data"]
    return rows[0] if rows else None


def chosen(row: dict, names: str) -> tuple[str, ...]:
    """Some members of a row."""
    return tuple(row[name] for name in names.split())


def test_instruments_have_every_key(pit: dict, pit_address: VenueAddress) -> None:
    swap = one(pit_address, "/public/instruments?instType=SWAP")
    assert swap.keys() >= set(INSTRUMENT.split())
    assert chosen(swap, "instId uly instFamily settleCcy ctVal ctValCcy ctType lever tickSz lotSz state") == (
        SWAP, "BTC-USD", "BTC-USD", "USD", "0.001", "BTC", "linear", "20", "0.1", "1", "live",
    )  # fmt: skip
    events = public(pit_address, "/public/instruments?instType=EVENTS&seriesId=CUP")["data"]
    assert [row["instId"] for row in events] == pit["outcomes"]
    for row in events:
        assert row.keys() >= set(INSTRUMENT.split())
        assert chosen(row, "seriesId settleCcy quoteCcy tickSz ctVal") == ("CUP", "USD", "USD", "0.01", "1")


def test_public_data_of_a_perpetual(pit_address: VenueAddress) -> None:
    assert one(pit_address, f"/public/mark-price?instId={SWAP}")["markPx"] == "50000"
    assert one(pit_address, "/public/mark-price?instType=SWAP")["instId"] == SWAP
    for query in ("instId=BTC-USD", "quoteCcy=USD"):
        assert chosen(one(pit_address, f"/market/index-tickers?{query}"), "instId idxPx") == (
            "BTC-USD",
            "50000",
        )
    funding = one(pit_address, f"/public/funding-rate?instId={SWAP}")
    assert int(funding["nextFundingTime"]) - int(funding["fundingTime"]) == 3_600_000
    assert one(pit_address, "/public/funding-rate?instId=ANY")["instId"] == SWAP
    assert public(pit_address, f"/public/funding-rate-history?instId={SWAP}")["code"] == "0"
    assert one(pit_address, "/public/open-interest?instType=SWAP").keys() >= {"oi", "oiCcy", "oiUsd", "ts"}
    limits = one(pit_address, f"/public/price-limit?instId={SWAP}")
    assert chosen(limits, "buyLmt sellLmt enabled") == ("52500", "47500", True)
    tiers = public(pit_address, "/public/position-tiers?instType=SWAP&tdMode=cross&instFamily=BTC-USD")[
        "data"
    ]
    assert len(tiers[0]) == 12
    assert chosen(tiers[0], "tier minSz maxSz imr mmr maxLever uly") == (
        "1", "0", "1000", "0.05", "0.025", "20", "BTC-USD",
    )  # fmt: skip
    for path in (f"mark-price-candles?instId={SWAP}", "index-candles?instId=BTC-USD"):
        assert public(pit_address, f"/market/{path}")["data"][0][1:5] == ["50000"] * 4


def test_public_data_of_events(pit: dict, pit_address: VenueAddress) -> None:
    series = one(pit_address, "/public/event-contract/series")
    assert (series["seriesId"], series["settlement"]["method"]) == ("CUP", "resolution")
    event = one(pit_address, "/public/event-contract/events?seriesId=CUP")
    assert chosen(event, "eventId state") == (pit["event"], "live")
    markets = public(pit_address, f"/public/event-contract/markets?seriesId=CUP&eventId={pit['event']}")[
        "data"
    ]
    assert [row["instId"] for row in markets] == pit["outcomes"]
    assert {chosen(row, "state outcome settleValue disputed") for row in markets} == {
        ("live", "0", "", False)
    }
    bands = one(pit_address, "/public/instrument-tick-bands?instType=EVENTS")
    assert bands["tickBand"] == [{"minPx": "0", "maxPx": "1", "tickSz": "0.01"}]


def test_leverage_is_set_and_told(pair: tuple[Trader, Trader]) -> None:
    trader = pair[0]
    info = f"/account/leverage-info?instId={SWAP}&mgnMode=cross"
    assert trader.get(info)["data"][0]["lever"] == "10"
    made = trader.post("/account/set-leverage", {"instId": SWAP, "lever": 5, "mgnMode": "isolated"})
    assert chosen(made["data"][0], "lever mgnMode posSide") == ("5", "isolated", "net")
    assert chosen(trader.get(info)["data"][0], "lever mgnMode") == ("5", "isolated")
    for wrong, code in ((50, "59102"), ("2.5", "51000"), (0, "51000")):
        refused = trader.post(
            "/account/set-leverage", {"instId": SWAP, "lever": wrong, "mgnMode": "isolated"}
        )
        assert refused["code"] == code, refused
    spot = trader.post("/account/set-leverage", {"instId": "BTC-USD", "lever": 2, "mgnMode": "cross"})
    assert spot["code"] == "51000"


def test_a_position_from_open_to_close(pair: tuple[Trader, Trader], pit_address: VenueAddress) -> None:
    maker, taker = pair
    taker.post("/account/set-leverage", {"instId": SWAP, "lever": "5", "mgnMode": "cross"})
    placed(maker, SWAP, "sell", "100", "50000")
    placed(taker, SWAP, "buy", "60", tgtCcy="quote_ccy")
    held = position(taker, SWAP)
    assert held is not None
    assert held.keys() >= set(POSITION.split())
    assert chosen(held, "pos availPos avgPx lever markPx imr mmr mgnMode notionalUsd") == (
        "60", "60", "50000", "5", "50000", "600", "75", "cross", "3000",
    )  # fmt: skip
    short = position(maker, SWAP)
    assert short is not None
    assert (short["pos"], short["avgPx"]) == ("-60", "50000")
    assert one(pit_address, "/public/open-interest?instType=SWAP")["oi"] != "0"
    (account,) = taker.get("/account/balance")["data"]
    assert chosen(account, "totalEq adjEq availEq imr mmr mgnRatio upl") == (
        "49998.5", "49998.5", "49398.5", "600", "75", "666.64", "0",
    )  # fmt: skip
    (detail,) = account["details"]
    assert chosen(detail, "ccy eq availEq imr") == ("USD", "49998.5", "49398.5", "600")
    (size,) = taker.get(f"/account/max-size?instId={SWAP}&tdMode=cross&px=50000")["data"]
    # 49,398.5 of margin at 50 / 5 + 0.025 of fee a contract; selling closes 60 first.
    assert chosen(size, "maxBuy maxSell") == ("4927", "4987")
    (free,) = taker.get(f"/account/max-avail-size?instId={SWAP}&tdMode=cross")["data"]
    assert chosen(free, "availBuy availSell") == ("49398.5", "49398.5")


def test_reduce_only_never_opens(pair: tuple[Trader, Trader]) -> None:
    maker, taker = pair
    placed(maker, SWAP, "sell", "20", "50000")
    placed(taker, SWAP, "buy", "20", "50000")
    placed(maker, SWAP, "buy", "5", "49990")
    assert order(taker, SWAP, "sell", "21", "50100", reduceOnly=True)["sCode"] == "51205"
    assert order(taker, SWAP, "buy", "1", "49900", reduceOnly="true")["sCode"] == "51205"
    placed(taker, SWAP, "sell", "5", "49990", reduceOnly=True)
    held = position(taker, SWAP)
    assert held is not None
    # Five contracts of 0.001 sold ten below their price.
    assert chosen(held, "pos realizedPnl") == ("15", "-0.05")


def test_close_position_and_its_bills(pair: tuple[Trader, Trader]) -> None:
    maker, taker = pair
    placed(maker, SWAP, "sell", "10", "50000")
    placed(taker, SWAP, "buy", "10", "50000")
    resting = placed(taker, SWAP, "sell", "4", "51000")
    placed(maker, SWAP, "buy", "10", "49990")
    closed = taker.post("/trade/close-position", {"instId": SWAP, "mgnMode": "cross", "autoCxl": True})
    assert chosen(closed["data"][0], "instId posSide") == (SWAP, "net")
    assert position(taker, SWAP) is None
    assert taker.get(f"/trade/order?instId={SWAP}&ordId={resting}")["data"][0]["state"] == "canceled"
    again = taker.post("/trade/close-position", {"instId": SWAP, "mgnMode": "cross"})
    assert again["code"] == "51023"
    bills = taker.get("/account/bills?instType=SWAP")["data"]
    assert [chosen(row, "type subType sz px fee") for row in bills] == [
        ("2", "2", "10", "49990", "-0.24995"),
        ("2", "1", "10", "50000", "-0.25"),
    ]
    assert taker.get("/account/bills?type=1")["data"][0]["balChg"] == "50000"
    (whole,) = taker.get("/account/positions-history?instType=SWAP")["data"]
    assert chosen(whole, "type direction openAvgPx closeAvgPx closeTotalPos pnl fee realizedPnl") == (
        "2", "long", "50000", "49990", "10", "-0.1", "-0.49995", "-0.59995",
    )  # fmt: skip
    # Fees, and ten contracts of 0.001 sold ten below their price.
    assert taker.get("/account/balance")["data"][0]["totalEq"] == "49999.40005"


async def test_positions_are_pushed(pair: tuple[Trader, Trader], pit_address: VenueAddress) -> None:
    maker, taker = pair
    async with Socket(f"{pit_address.ws}/private") as socket:
        await socket.login(taker.person)
        await socket.subscribe("positions", instType="ANY")
        assert (await socket.push("positions"))["data"] == []
        await socket.subscribe("account")
        assert (await socket.push("account"))["data"][0]["totalEq"] == "50000"
        placed(maker, SWAP, "sell", "10", "50010")
        placed(taker, SWAP, "buy", "10", "50010")
        (row,) = (await socket.push("positions"))["data"]
        assert row.keys() >= set(POSITION.split())
        assert chosen(row, "instId pos avgPx upl") == (SWAP, "10", "50010", "-0.1")
        account = await socket.until(
            lambda message: (
                message.get("arg", {}).get("channel") == "account" and message["data"][0]["mmr"] == "12.5"
            )
        )
        assert account["data"][0]["imr"] == "50"
        placed(maker, SWAP, "buy", "10", "50000")
        taker.post("/trade/close-position", {"instId": SWAP, "mgnMode": "cross"})
        gone = await socket.until(
            lambda message: (
                message.get("arg", {}).get("channel") == "positions" and message["data"][0]["pos"] == "0"
            )
        )
        assert gone["data"][0]["posId"] == row["posId"]


async def test_prices_are_pushed(pit_address: VenueAddress) -> None:
    async with Socket(f"{pit_address.ws}/public") as socket:
        for channel, name, value in (
            ("mark-price", "markPx", "50000"),
            ("funding-rate", "instId", SWAP),
            ("open-interest", "instId", SWAP),
            ("price-limit", "buyLmt", "52500"),
        ):
            await socket.subscribe(channel, instId=SWAP)
            assert (await socket.push(channel))["data"][0][name] == value
        await socket.subscribe("index-tickers", instId="BTC-USD")
        assert (await socket.push("index-tickers"))["data"][0]["idxPx"] == "50000"
        await socket.subscribe("instruments", instType="EVENTS")
        assert len((await socket.push("instruments"))["data"]) == 3
        assert (await socket.subscribe("event-contract-markets", instType="EVENTS"))["event"] == "subscribe"
        assert (await socket.subscribe("liquidation-orders", instType="SWAP"))["event"] == "subscribe"


def test_yes_and_no_meet_in_one_book(
    pair: tuple[Trader, Trader], pit: dict, pit_address: VenueAddress
) -> None:
    maker, taker = pair
    outcome = pit["outcomes"][0]
    resting = placed(maker, outcome, "buy", "10", "0.4", tdMode="isolated", outcome="no")
    row = maker.get(f"/trade/order?instId={outcome}&ordId={resting}")["data"][0]
    assert chosen(row, "outcome side px state") == ("no", "buy", "0.4", "live")
    assert one(pit_address, f"/market/books?instId={outcome}")["asks"] == [["0.6", "10", "0", "1"]]
    amended = {"instId": outcome, "ordId": resting, "newPx": "0.45", "outcome": "no"}
    assert maker.post("/trade/amend-order", amended)["data"][0]["sCode"] == "0"
    row = maker.get(f"/trade/order?instId={outcome}&ordId={resting}")["data"][0]
    assert chosen(row, "outcome side px sz") == ("no", "buy", "0.45", "10")
    placed(taker, outcome, "buy", "10", "0.55", tdMode="isolated", outcome="yes")
    yes, no = position(taker, outcome), position(maker, outcome)
    assert yes is not None
    assert no is not None
    assert chosen(yes, "instType pos avgPx upl mgnMode notionalUsd") == (
        "EVENTS", "10", "0.55", "0", "isolated", "5.5",
    )  # fmt: skip
    assert chosen(no, "pos avgPx upl") == ("-10", "0.55", "0")
    for row in (maker.get(f"/trade/order?instId={outcome}&ordId={resting}")["data"][0],
                maker.get(f"/trade/orders-history?instType=EVENTS&instId={outcome}")["data"][0]):  # fmt: skip
        assert chosen(row, "ordId outcome side px avgPx fillSz state category") == (
            resting, "no", "buy", "0.45", "0.45", "", "filled", "normal",
        )  # fmt: skip
    told = [each.get(f"/trade/fills?instType=EVENTS&instId={outcome}")["data"][0] for each in (maker, taker)]
    assert [chosen(row, "outcome side subType fillPx fillMarkPx") for row in told] == [
        ("no", "buy", "1", "0.45", ""), ("yes", "buy", "1", "0.55", ""),
    ]  # fmt: skip
    # The taker paid 5.50 and a fee of 1% of 0.55 * 0.45 a contract.
    assert taker.get("/account/balance")["data"][0]["details"][0]["cashBal"] == "49994.47525"
    bad = order(taker, outcome, "buy", "1", "0.5", tdMode="isolated", outcome="maybe")
    assert bad["sCode"] == "51000"


def exchange(trader: Trader) -> ccxt.okx:
    """Unmodified ccxt that loads every kind of market."""
    made = ccxt.okx({**options(trader), "options": {"fetchMarkets": {"types": ["spot", "swap", "EVENTS"]}}})
    made.load_markets()
    return made


def test_ccxt_trades_contracts(pair: tuple[Trader, Trader], pit: dict) -> None:
    mine, theirs = map(exchange, pair)
    assert set(mine.markets) == {"BTC/USD", UNIFIED, *pit["outcomes"]}
    swap = mine.market(UNIFIED)
    assert (swap["type"], swap["contractSize"], swap["settle"], swap["linear"]) == (
        "swap",
        0.001,
        "USD",
        True,
    )
    assert mine.market(pit["outcomes"][1])["type"] == "events"
    assert theirs.fetch_funding_rate(UNIFIED)["interval"] == "1h"
    assert theirs.fetch_mark_price(UNIFIED)["markPrice"] == 50000.0
    assert theirs.fetch_market_leverage_tiers(UNIFIED)[0]["maxLeverage"] == 20.0
    theirs.set_leverage(4, UNIFIED, {"mgnMode": "cross"})
    assert theirs.fetch_leverage(UNIFIED, {"marginMode": "cross"})["longLeverage"] == 4
    mine.create_order(UNIFIED, "limit", "sell", 5, 50020.0)
    taken = theirs.create_order(UNIFIED, "market", "buy", 5)
    (held,) = theirs.fetch_positions([UNIFIED])
    assert (held["side"], held["contracts"], held["entryPrice"], held["leverage"]) == (
        "long",
        5.0,
        50020.0,
        4.0,
    )
    assert held["unrealizedPnl"] == pytest.approx(-0.1)
    assert theirs.fetch_order(taken["id"], UNIFIED)["status"] == "closed"
    mine.create_order(UNIFIED, "limit", "buy", 5, 50000.0)
    theirs.close_position(UNIFIED, None, {"mgnMode": "cross"})
    assert theirs.fetch_positions([UNIFIED]) == []
    assert [trade["side"] for trade in theirs.fetch_my_trades(UNIFIED)] == ["buy", "sell"]
    outcome = pit["outcomes"][1]
    bet = theirs.create_order(outcome, "limit", "buy", 3, 0.2, {"outcome": "yes", "tdMode": "isolated"})
    assert theirs.fetch_order_book(outcome)["bids"][0][:2] == [0.2, 3.0]
    theirs.cancel_order(bet["id"], outcome)
