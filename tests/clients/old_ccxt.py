"""What a trader does with an old ccxt, over REST and then over sockets, run by itself: the environment has a newer one.
Options as JSON on standard input; prints what it saw as JSON. ``test_clients.py`` calls it.

Its sockets reach into the insides of the aiohttp of its time, so that comes with it.
"""

import asyncio
import json
import sys
from typing import Any

import aiohttp
import ccxt
import ccxt.pro

BTC = "BTC/USD"
SECONDS = 20


def traded(options: dict[str, Any]) -> dict[str, Any]:
    """Place, see, cancel."""
    exchange = ccxt.okx(options)
    exchange.load_markets()
    order = exchange.create_order(BTC, "limit", "buy", 0.01, 41000.5)
    seen = exchange.fetch_order(order["id"], BTC)
    best = exchange.fetch_order_book(BTC)["bids"][0]
    exchange.cancel_order(order["id"], BTC)
    after = exchange.fetch_order(order["id"], BTC)
    return {
        "seen": [seen["status"], seen["price"], seen["amount"], seen["side"]],
        "best": best[:2],
        "after": after["status"],
        "open": [each["id"] for each in exchange.fetch_open_orders(BTC)],
    }


async def watched(options: dict[str, Any]) -> dict[str, Any]:
    """Watch the book and the account's orders while an order is placed over the socket and cancelled."""
    exchange = ccxt.pro.okx(options)
    try:
        await exchange.load_markets()
        book = await exchange.watch_order_book(BTC)
        orders = asyncio.ensure_future(exchange.watch_orders(BTC))
        await asyncio.sleep(0)  # it asks first
        await exchange.watch_balance()  # is answered at once, and after what was asked before
        (placed,) = await exchange.create_order_ws(BTC, "limit", "buy", 0.02, 41001.5)
        (told,) = await orders
        first = [
            told["id"] == placed["id"],
            told["status"],
            told["price"],
            told["amount"],
        ]  # it is changed in place
        while [41001.5, 0.02] not in [level[:2] for level in book["bids"]]:
            book = await exchange.watch_order_book(BTC)
        orders = asyncio.ensure_future(exchange.watch_orders(BTC))
        await exchange.cancel_order(placed["id"], BTC)  # it names requests by the second: no two in one
        after = (await orders)[-1]
        while any(level[0] == 41001.5 for level in book["bids"]):
            book = await exchange.watch_order_book(BTC)
        return {
            "told": first,
            "after": [after["id"] == placed["id"], after["status"]],
        }
    finally:
        await exchange.close()


def main() -> None:
    """Both, one after the other."""
    options = json.load(sys.stdin)
    told = {
        "versions": [ccxt.__version__, aiohttp.__version__],
        "rest": traded(options),
        "sockets": asyncio.run(asyncio.wait_for(watched(options), SECONDS)),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
