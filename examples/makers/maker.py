"""What every maker here does the same way: keep the quotes it wants in the book, and leave nothing behind.

A round reads what rests, compares it with what should rest, and sends the difference in as few requests as it can: what
moved is amended, what is missing placed post-only, what is too much cancelled. The orders are read anew each round,
so a lost answer, a restart of the venue or a fill needs no special case. Each round also renews the dead-man switch:
should this program die, the venue cancels its orders within :data:`DEAD_MAN_SECONDS`.
"""

import argparse
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ccxt

log = logging.getLogger("maker")

DEAD_MAN_SECONDS = 30
BATCH = 20
PAGE = 100
PATIENCE = (1.0, 2.0, 5.0, 10.0, 15.0)  # seconds between tries while the venue does not answer

Reference = Callable[[], float | None]


@dataclass(frozen=True)
class Quote:
    """An order that should rest: ``side`` is buy or sell."""

    side: str
    price: float
    size: float


def connect(url: str, key: str, secret: str, passphrase: str) -> ccxt.okx:
    """An unmodified ccxt, pointed at a venue such as ``https://host/v/acme``; it keeps within rate limits itself."""
    return ccxt.okx(
        {
            "apiKey": key,
            "secret": secret,
            "password": passphrase,
            "enableRateLimit": True,
            "rateLimit": 20,  # milliseconds between two requests; the venue allows more
            "timeout": 10_000,
            "urls": {"api": {"rest": url}},
            "options": {"fetchMarkets": {"types": ["spot", "swap", "EVENTS"]}},
        }
    )


class Maker:
    """Quotes the ``symbols`` of ccxt. A subclass says what it sees each round and which quotes it wants.

    The account is the maker's alone: orders in other markets, left by somebody else, are cancelled.
    """

    def __init__(self, exchange: ccxt.okx, symbols: Sequence[str]) -> None:
        self.exchange = exchange
        self.symbols = list(symbols)
        self._complaints: dict[str, int] = {}

    # --- what a subclass says -------------------------------------------------------------------------------------

    def observe(self) -> None:
        """Look at prices, balances and positions, once a round."""

    def quotes(self, symbol: str) -> list[Quote]:
        """The orders that should rest in a market now; none takes all quotes out."""
        raise NotImplementedError

    def order_params(self) -> dict[str, Any]:
        """What every order carries beside its price and size."""
        return {}

    def tolerance(self, symbol: str, price: float) -> float:
        """How far an order may be from where it should be before it is moved."""
        return price * 0.0001

    def hedge(self) -> None:
        """Lay off what was traded, after the quotes stand."""

    # --- the loop -------------------------------------------------------------------------------------------------

    def run(self, stopping: threading.Event, seconds: float = 2.0) -> None:
        """Quote until ``stopping`` is set, then cancel everything. Whatever the venue says, it goes on."""
        failures = 0
        while not stopping.is_set():
            try:
                self.round()
                failures, pause = 0, seconds
            except ccxt.AuthenticationError:
                raise  # a wrong or revoked key does not get better
            except ccxt.RateLimitExceeded as refused:
                self.complain("slowing down", refused)
                pause = 2 * seconds
            except ccxt.NetworkError as away:
                self.complain("the venue does not answer", away)
                pause = PATIENCE[min(failures, len(PATIENCE) - 1)]
                failures += 1
            except ccxt.BaseError as refused:
                self.complain("refused", refused)
                pause = seconds
            stopping.wait(pause)
        self.stop()

    def round(self) -> None:
        """One look at the venue, and what it takes to have the wanted quotes in the book."""
        if not self.exchange.markets:
            self.exchange.load_markets()
        self.exchange.cancel_all_orders_after(DEAD_MAN_SECONDS * 1000)
        self.observe()
        resting = self.open_orders()
        amends: list[dict[str, Any]] = []
        creates: list[dict[str, Any]] = []
        cancels = [_named(order) for order in resting if order["symbol"] not in self.symbols]
        for symbol in self.symbols:
            mine = [order for order in resting if order["symbol"] == symbol]
            wanted = self.quotes(symbol)
            for side in ("buy", "sell"):
                self._compare(
                    symbol,
                    sorted((o for o in mine if o["side"] == side), key=_nearest),
                    sorted((q for q in wanted if q.side == side), key=lambda q: _nearest(vars(q))),
                    (amends, creates, cancels),
                )
        amends.sort(key=lambda amend: not amend.pop("retreats"))
        self._send(self.exchange.private_post_trade_cancel_batch_orders, cancels)
        self._send(self.exchange.private_post_trade_amend_batch_orders, amends)
        self._send(self.exchange.create_orders, creates)
        self.hedge()

    def stop(self) -> None:
        """Cancel every order and disarm the switch; if the venue is away, the switch cancels them."""
        for _ in PATIENCE:
            try:
                while orders := self.open_orders():
                    self._send(
                        self.exchange.private_post_trade_cancel_batch_orders, [_named(o) for o in orders]
                    )
                self.exchange.cancel_all_orders_after(0)
            except ccxt.BaseError as away:
                self.complain("not all cancelled yet", away)
            else:
                log.info("stopped; nothing rests any more")
                return

    def open_orders(self) -> list[dict[str, Any]]:
        """Every order of the account that rests."""
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {}
        while True:
            page = self.exchange.fetch_open_orders(None, None, PAGE, params)
            found += page
            if len(page) < PAGE:
                return found
            params = {"after": min((order["id"] for order in page), key=int)}

    def complain(self, what: str, error: Exception) -> None:
        """Log a trouble when it is new, and then every thirtieth time."""
        text = f"{what}: {error}"[:300]
        told = self._complaints[text] = self._complaints.get(text, 0) + 1
        if told % 30 == 1:
            log.warning("%s%s", text, f" (for the {told}th time)" if told > 1 else "")

    # --- the difference between what rests and what should --------------------------------------------------------

    def _compare(
        self,
        symbol: str,
        orders: list[dict[str, Any]],
        wanted: list[Quote],
        out: tuple[list[Any], list[Any], list[Any]],
    ) -> None:
        """Pair orders with quotes, the nearest first, and note what has to be sent."""
        amends, creates, cancels = out
        for order, quote in zip(orders, wanted, strict=False):
            amend = self._amended(symbol, order, quote)
            amends.extend([amend] if amend else [])
        cancels.extend(_named(order) for order in orders[len(wanted) :])
        for quote in wanted[len(orders) :]:
            params = {"postOnly": True, **self.order_params()}
            creates.append(
                {
                    "symbol": symbol, "type": "limit", "side": quote.side, "amount": quote.size,
                    "price": quote.price, "params": params,
                }
            )  # fmt: skip

    def _amended(self, symbol: str, order: Mapping[str, Any], quote: Quote) -> dict[str, Any] | None:
        """The change that makes an order the quote, none while it is near enough; ``retreats``: outwards."""
        change = _named(order)
        if abs(order["price"] - quote.price) >= self.tolerance(symbol, quote.price):
            change["newPx"] = self.exchange.price_to_precision(symbol, quote.price)
        if not 0.5 <= order["remaining"] / quote.size <= 1.5:
            change["newSz"] = self.exchange.amount_to_precision(symbol, order["filled"] + quote.size)
        if len(change) == 2 or float(change.get("newPx", 1)) <= 0:
            return None
        away = quote.price - order["price"] if quote.side == "sell" else order["price"] - quote.price
        return {**change, "retreats": away >= 0}

    def _send(self, call: Callable[[list[Any]], Any], rows: list[dict[str, Any]]) -> None:
        """Send rows in batches; what the venue refuses of them is logged, and looked at again in the next round."""
        for start in range(0, len(rows), BATCH):
            try:
                call(rows[start : start + BATCH])
            except (ccxt.NetworkError, ccxt.AuthenticationError):
                raise
            except ccxt.BaseError as refused:
                self.complain("refused", refused)


def _nearest(order: Mapping[str, Any]) -> float:
    """Sort key: the order nearest to the middle first."""
    return float(order["price"]) if order["side"] == "sell" else -float(order["price"])


def _named(order: Mapping[str, Any]) -> dict[str, Any]:
    """How a request names an order."""
    return {"instId": order["info"]["instId"], "ordId": order["id"]}


def ladder(middle: float, gap: float, size: float, levels: int, lean: float) -> list[Quote]:
    """Quotes on both sides of ``middle``, wider and larger further out. ``lean`` from -1 to 1 is the inventory as a
    part of what may be held: the side that would add to it gets smaller, and at the bound there is none."""
    found = []
    for level in range(levels):
        distance = gap * (level + 1) * (1 + level / 12)
        grown = size * (1 + level / 2)
        for side, sign, full in (("buy", -1, lean), ("sell", 1, -lean)):
            share = 1 - max(0.0, full)
            if share > 0.02 and middle + sign * distance > 0:
                found.append(Quote(side, middle + sign * distance, grown * share))
    return found


def arguments(about: str, *more: tuple[str, dict[str, Any]]) -> argparse.Namespace:
    """The command line every maker has, with what its own adds; the key comes from the environment."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--url", required=True, help="the venue, such as http://localhost:8000/v/demo-spot")
    parser.add_argument("--seconds", type=float, default=2.0, help="between two rounds")
    for name, options in more:
        parser.add_argument(name, **options)
    return parser.parse_args()


def serve(make: Callable[[ccxt.okx], Maker], url: str, seconds: float) -> None:
    """Run a maker until SIGINT or SIGTERM, with the key in MAKER_KEY, MAKER_SECRET and MAKER_PASSPHRASE."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    keys: Iterable[str] = (os.environ[f"MAKER_{name}"] for name in ("KEY", "SECRET", "PASSPHRASE"))
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    make(connect(url, *keys)).run(stopping, seconds)
