"""The clients traders already have, unmodified but for the address: ccxt and ccxt.pro."""

import asyncio
from collections.abc import AsyncIterator

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest

from tests.trading.client import Trader, VenueAddress

BTC = "BTC/USD"


def options(trader: Trader) -> dict:
    """Exactly what a trader would write down."""
    address = trader.address
    return {
        "apiKey": trader.person["key"],
        "secret": trader.person["secret"],
        "password": trader.person["passphrase"],
        "urls": {"api": {"rest": address.rest, "ws": address.ws}},
    }


def test_ccxt_trades_here(maker: Trader, taker: Trader) -> None:
    mine, theirs = ccxt.okx(options(maker)), ccxt.okx(options(taker))
    markets = mine.load_markets()
    theirs.load_markets()
    assert set(markets) == {"BTC/USD", "ETH/USD"}
    assert markets[BTC]["precision"] == {
        "amount": 0.0001,
        "price": 0.1,
        "cost": None,
        "base": None,
        "quote": None,
    } or (
        markets[BTC]["precision"]["amount"],
        markets[BTC]["precision"]["price"],
    ) == (0.0001, 0.1)

    usd = mine.fetch_balance()["USD"]
    resting = mine.create_order(BTC, "limit", "buy", 0.1, 49000.0)
    assert mine.fetch_order(resting["id"], BTC)["status"] == "open"
    assert [order["id"] for order in mine.fetch_open_orders(BTC)] == [resting["id"]]
    assert mine.fetch_balance()["USD"]["used"] == pytest.approx(4902.45)
    book = mine.fetch_order_book(BTC)
    assert book["bids"][0][:2] == [49000.0, 0.1]

    taken = theirs.create_order(BTC, "market", "sell", 0.04)
    assert theirs.fetch_order(taken["id"], BTC)["status"] == "closed"
    trade = theirs.fetch_my_trades(BTC)[-1]
    assert (trade["price"], trade["amount"], trade["takerOrMaker"], trade["side"]) == (
        49000.0,
        0.04,
        "taker",
        "sell",
    )
    assert trade["fee"]["cost"] == pytest.approx(0.98)

    edited = mine.edit_order(resting["id"], BTC, "limit", "buy", 0.06, 48000.0)
    assert edited["id"] == resting["id"]
    assert mine.fetch_order(resting["id"], BTC)["remaining"] == pytest.approx(0.02)
    mine.cancel_order(resting["id"], BTC)
    assert mine.fetch_order(resting["id"], BTC)["status"] == "canceled"
    assert mine.fetch_open_orders(BTC) == []
    assert mine.fetch_balance()["USD"]["total"] < usd["total"]
    assert resting["id"] in [order["id"] for order in mine.fetch_canceled_orders(BTC)]
    assert taken["id"] in [order["id"] for order in theirs.fetch_closed_orders(BTC)]

    ticker = mine.fetch_ticker(BTC)
    assert (ticker["symbol"], ticker["last"]) == (BTC, 49000.0)
    assert mine.fetch_trades(BTC)[-1]["price"] == 49000.0
    assert mine.fetch_ohlcv(BTC, "1m")
    assert mine.fetch_ohlcv(BTC, "1d")
    assert mine.fetch_tickers([BTC])[BTC]["last"] == 49000.0
    assert mine.fetch_trading_fee(BTC)["taker"] == pytest.approx(0.0005)
    assert abs(mine.fetch_time() - mine.milliseconds()) < 5_000


def test_ccxt_raises_its_own_errors(maker: Trader) -> None:
    exchange = ccxt.okx(options(maker))
    exchange.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order(BTC, "limit", "buy", 50, 49000.0)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("424242", BTC)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.fetch_order("424242", BTC)
    with pytest.raises(ccxt.InvalidOrder):
        exchange.create_order(BTC, "limit", "buy", 0.01, 490000.0)
    order = exchange.create_order(BTC, "limit", "buy", 0.01, 30000.0, {"clientOrderId": "abcDEF1"})
    with pytest.raises(ccxt.InvalidOrder):
        exchange.create_order(BTC, "limit", "buy", 0.01, 30000.0, {"clientOrderId": "abcDEF1"})
    exchange.cancel_order(order["id"], BTC)
    exchange.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()


async def test_ccxt_trades_without_blocking(maker: Trader, taker: Trader) -> None:
    mine, theirs = (ccxt.async_support.okx(options(trader)) for trader in (maker, taker))
    try:
        await asyncio.gather(mine.load_markets(), theirs.load_markets())
        orders = [
            {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": price}
            for price in (48990.0, 48991.0)
        ]
        low, high = await mine.create_orders(orders)
        taken = await theirs.create_order(BTC, "market", "sell", 0.01)
        filled, still, trades = await asyncio.gather(
            mine.fetch_order(high["id"], BTC),
            mine.fetch_open_orders(BTC),
            theirs.fetch_order_trades(taken["id"], BTC),
        )
        assert (filled["status"], filled["average"]) == ("closed", 48991.0)
        assert [order["id"] for order in still] == [low["id"]]
        assert [(trade["price"], trade["amount"]) for trade in trades] == [(48991.0, 0.01)]
        with pytest.raises(ccxt.OrderNotFound):
            await mine.cancel_order(high["id"], BTC)
        await mine.cancel_order(low["id"], BTC)
        assert await mine.fetch_open_orders(BTC) == []
    finally:
        await asyncio.gather(mine.close(), theirs.close())


@pytest.fixture
async def live(maker: Trader) -> AsyncIterator[ccxt.pro.okx]:
    """ccxt.pro, closed afterwards."""
    exchange = ccxt.pro.okx(options(maker))
    yield exchange
    await exchange.close()


async def test_ccxt_pro_watches_and_trades_over_sockets(
    live: ccxt.pro.okx, taker: Trader, address: VenueAddress
) -> None:
    await live.load_markets()
    book = await live.watch_order_book(BTC)
    assert book["symbol"] == BTC
    placed = await live.create_order_ws(BTC, "limit", "sell", 0.02, 50500.0)
    while not book["asks"] or book["asks"][0][0] != 50500.0:
        book = await live.watch_order_book(BTC)
    orders = asyncio.ensure_future(live.watch_orders(BTC))
    trades = asyncio.ensure_future(live.watch_my_trades(BTC))
    tape = asyncio.ensure_future(live.watch_trades(BTC))
    balance = asyncio.ensure_future(live.watch_balance())
    # Subscriptions of one socket are taken in order, and this one is answered by the whole account at once.
    assert "USD" in await asyncio.wait_for(balance, 30)
    await asyncio.to_thread(taker.place, "buy", "0.01", "50500")
    found = await asyncio.wait_for(orders, 30)
    assert (found[-1]["id"], found[-1]["filled"]) == (placed["id"], 0.01)
    mine = await asyncio.wait_for(trades, 30)
    assert (mine[-1]["price"], mine[-1]["amount"], mine[-1]["takerOrMaker"]) == (50500.0, 0.01, "maker")
    assert (await asyncio.wait_for(tape, 30))[-1]["price"] > 0
    ticker = await asyncio.wait_for(live.watch_ticker(BTC), 30)
    assert ticker["symbol"] == BTC
    assert (await asyncio.wait_for(live.watch_ohlcv(BTC, "1m"), 30))[-1][4] > 0
    edited = await live.edit_order_ws(placed["id"], BTC, "limit", "sell", 0.03, 50501.0)
    assert edited["id"] == placed["id"]
    cancelled = await live.cancel_order_ws(placed["id"], BTC)
    assert cancelled["id"] == placed["id"]
