"""What a trader does with an old ccxt, run by itself: the environment has a newer one. Options as JSON on standard
input; prints what it saw as JSON. ``test_clients.py`` calls it."""

import json
import sys

import ccxt

BTC = "BTC/USD"


def main() -> None:
    """Place, see, cancel."""
    options = json.load(sys.stdin)
    exchange = ccxt.okx(options)
    exchange.load_markets()
    order = exchange.create_order(BTC, "limit", "buy", 0.01, 41000.5)
    seen = exchange.fetch_order(order["id"], BTC)
    best = exchange.fetch_order_book(BTC)["bids"][0]
    exchange.cancel_order(order["id"], BTC)
    after = exchange.fetch_order(order["id"], BTC)
    told = {
        "version": ccxt.__version__,
        "seen": [seen["status"], seen["price"], seen["amount"], seen["side"]],
        "best": best[:2],
        "after": after["status"],
        "open": [each["id"] for each in exchange.fetch_open_orders(BTC)],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
