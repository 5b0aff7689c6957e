"""The living demo: the example makers quote every market, and a synthetic taker trades with them.

Everything goes through the public API with keys of its own. Three makers of ``examples/makers`` run in threads of this
process: spot and outcomes around synthetic fair prices, the perpetual around the index that synthetic sources push.
A web server that restarts or a busy engine only delays them.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

import ccxt
from django.db import close_old_connections

from examples.makers.maker import Maker, connect
from examples.makers.outcome import OutcomeMaker
from examples.makers.perpetual import PerpetualMaker
from examples.makers.spot import SpotMaker, SpotMarket
from exchange_os.demo import cast
from exchange_os.demo.client import Credentials, Refused, Unanswered, VenueClient
from exchange_os.demo.feeds import PriceFeeds
from exchange_os.demo.flow import TAKER, Intent, Taker, TakerShape, Wander
from exchange_os.demo.stage import claim_from_faucet, ensure_person, ensure_trading_account, move_to_venue
from exchange_os.errors import DomainError
from venues.instruments import Instrument
from venues.models import Venue
from venues.selectors import instruments_of

log = logging.getLogger(__name__)

STEP_SECONDS = 1.0
MAKER_SECONDS = 2.0
INVENTORY_SECONDS = 15.0
TOP_UP_SECONDS = 300.0
PRICE_SECONDS = 4.0
RESTART_SECONDS = 5.0
STOP_SECONDS = 3.0


class LivingFlow:
    """Runs the demo's makers and taker at ``base_url`` with their keys until ``stopping`` is set."""

    def __init__(
        self, base_url: str, venue: Venue, keys: dict[str, Credentials], stopping: threading.Event
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/v/{venue.slug}"
        self._venue, self._keys, self._stopping = venue, keys, stopping
        self._clients = {bot: VenueClient(base_url, venue.slug, keys[bot]) for bot in cast.BOTS}
        self._instruments = {item.symbol: item for item in instruments_of(venue)}
        self._fair = {symbol: Wander(symbol, cast.FLOW_SEED, *shape) for symbol, shape in cast.FAIR.items()}
        self._outcomes = {item.symbol: item for item in outcomes_of(self._instruments.values())}
        for symbol, item in self._outcomes.items():
            self._fair[symbol] = chance_of(item)
        self._takers = list(self._make_takers(f"d{time.time_ns() // 1_000_000:x}"))
        self._feeds: PriceFeeds | None = None
        if perpetual := self._instruments.get(cast.PERPETUAL_SYMBOL):
            self._feeds = PriceFeeds(base_url, venue.group_id, perpetual.number, cast.FLOW_SEED)

    def run(self) -> None:
        """Take up the last prices, set the makers to work, then step once a second."""
        self._until_answered(self._begin)
        makers = [
            threading.Thread(target=self._keep, args=(name, make), name=name, daemon=True)
            for name, make in self._makers().items()
        ]
        for thread in makers:
            thread.start()
        next_inventory = next_top_up = next_price = next_step = time.monotonic()
        while not self._stopping.is_set():
            for wander in self._fair.values():
                wander.step()
            now = time.monotonic()
            if now >= next_price:
                next_price = now + PRICE_SECONDS
                self._push_prices()
            pause = self._take()
            if now >= next_inventory:
                next_inventory = now + INVENTORY_SECONDS
                self._observe_inventory()
            if now >= next_top_up:
                next_top_up = now + TOP_UP_SECONDS
                self._top_up()
            next_step = max(next_step + STEP_SECONDS, now)
            self._stopping.wait(max(pause, next_step - now))
        for thread in makers:
            thread.join(STOP_SECONDS)

    # --- the makers -----------------------------------------------------------------------------------------------

    def _makers(self) -> dict[str, Callable[[ccxt.okx], Maker]]:
        """The makers that this venue has markets for, by whose key they use."""
        spot = [
            SpotMarket("BTC/USD", neutral=float(cast.BOT_FUNDS["BTC"]), most=4.0, size=0.004),
            SpotMarket("ETH/USD", neutral=float(cast.BOT_FUNDS["ETH"]), most=50.0, size=0.09),
        ]
        references = {market.symbol: self._reference(market.symbol.replace("/", "-")) for market in spot}
        makers: dict[str, Callable[[ccxt.okx], Maker]] = {
            cast.SPOT_MAKER: lambda exchange: SpotMaker(exchange, spot, references)
        }
        if cast.PERPETUAL_SYMBOL in self._instruments:
            neutral = float(cast.BOT_FUNDS["BTC"])
            makers[cast.PERPETUAL_MAKER] = lambda exchange: PerpetualMaker(
                exchange, "BTC/USD:USD", neutral=neutral, most=3000, size=20
            )
        if self._outcomes:
            makers[cast.OUTCOME_MAKER] = lambda exchange: OutcomeMaker(exchange, self._ratings, most=3000)
        return makers

    def _reference(self, symbol: str) -> Callable[[], float]:
        tick_size = float(self._instruments[symbol].tick_size)
        return lambda: self._fair[symbol].milliticks * tick_size / 1000

    def _ratings(self) -> dict[str, float]:
        return {symbol: self._fair[symbol].milliticks / 1000 for symbol in self._outcomes}

    def _keep(self, bot: str, make: Callable[[ccxt.okx], Maker]) -> None:
        """Run a maker; one that fails is made anew after a while."""
        keys = self._keys[bot]
        while not self._stopping.is_set():
            try:
                make(connect(self._url, keys.key, keys.secret, keys.passphrase)).run(
                    self._stopping, MAKER_SECONDS
                )
            except Exception:
                log.exception("%s failed; it starts again", bot)
                self._stopping.wait(RESTART_SECONDS)

    # --- the taker ------------------------------------------------------------------------------------------------

    def _make_takers(self, run: str) -> Iterator[Taker]:
        shapes = [shape for shape in cast.TAKES if shape.symbol in self._instruments]
        for symbol, item in self._outcomes.items():
            one = item.payout_ticks
            shapes.append(TakerShape(symbol, f"o{item.number}x", payout_ticks=one, **cast.OUTCOME_TAKES))
        for shape in shapes:
            underlying = shape.symbol.removesuffix("-SWAP")
            yield Taker(shape, self._fair[underlying], cast.FLOW_SEED, run)

    def _begin(self) -> None:
        for symbol, wander in self._fair.items():
            answer = self._clients[TAKER].request("GET", f"/api/v5/market/ticker?instId={symbol}")
            row: dict[str, str] = next(iter(answer.get("data", [])), {})
            if (last := row.get("last")) and Decimal(row.get("vol24h") or "0"):
                wander.resume(int(Decimal(last) / self._instruments[symbol].tick_size * 1000))

    def _until_answered(self, action: Callable[[], None]) -> None:
        """Repeat ``action`` until the server answers it or the flow is to stop."""
        while not self._stopping.is_set():
            try:
                action()
                return
            except (Refused, Unanswered) as error:
                log.info("waiting for the server: %s", error)
                self._stopping.wait(1.0)

    def _take(self) -> float:
        """Send what the taker wants in this step; seconds to wait before more may be sent."""
        items = [
            order_item(intent, self._instruments[intent.symbol])
            for taker in self._takers
            for intent in taker.step()
        ]
        try:
            if items:
                self._clients[TAKER].bulk(items)
        except Refused as refused:
            log.info("taker refused: %s", refused)
            return refused.retry_after_seconds
        except Unanswered as unanswered:
            log.info("taker unanswered: %s", unanswered)
        return 0.0

    def _push_prices(self) -> None:
        """Let the synthetic sources say the fair price of what the perpetual follows."""
        if self._feeds is not None:
            symbol = cast.PERPETUAL_SYMBOL.removesuffix("-SWAP")
            self._feeds.push(self._fair[symbol].ticks, self._instruments[symbol].tick_size)

    def _observe_inventory(self) -> None:
        """Tell the taker how far its holdings and positions are from where it began."""
        try:
            held = _balances(self._clients[TAKER])
            positions = _positions(self._clients[TAKER])
        except (Refused, Unanswered):
            return
        for taker in self._takers:
            item = self._instruments[taker.shape.symbol]
            if item.is_contract:
                taker.inventory_lots = positions.get(item.symbol, 0)
                continue
            away = held.get(item.size_unit, Decimal(0)) - Decimal(cast.BOT_FUNDS[item.size_unit])
            taker.inventory_lots = int(away / item.lot_size)

    def _top_up(self) -> None:
        """Bring a bot that ran low back to its funds, from the faucet within its limits."""
        for bot, client in self._clients.items():
            try:
                held = _balances(client)
                low = {
                    symbol: str(Decimal(full) - held.get(symbol, Decimal(0)))
                    for symbol, full in cast.BOT_FUNDS.items()
                    if held.get(symbol, Decimal(0)) * 4 < Decimal(full)
                }
                if not low:
                    continue
                close_old_connections()
                user = ensure_person(cast.bot_email(bot), None)
                for symbol in low:
                    claim_from_faucet(user, symbol, cast.BOT_PORTIONS)
                move_to_venue(user, ensure_trading_account(user, self._venue), low)
                log.info("%s: topped up %s", bot, ", ".join(low))
            except (Refused, Unanswered, DomainError) as error:
                log.info("%s: no top-up: %s", bot, error)


def outcomes_of(instruments: Iterable[Instrument]) -> Iterator[Instrument]:
    """The outcomes of the demo's event."""
    for item in instruments:
        if item.symbol.startswith(f"{cast.EVENT_SERIES}-") and item.outcome_name in cast.BELIEFS:
            yield item


def chance_of(item: Instrument) -> Wander:
    """The synthetic chance of an outcome, which keeps room for a quote on both sides."""
    opening = cast.BELIEFS[item.outcome_name] * item.payout_ticks // 100
    return Wander(
        item.symbol, cast.FLOW_SEED, opening, cast.OUTCOME_STEP_MILLITICKS,
        low_ticks=max(2, opening * 2 // 3), high_ticks=min(item.payout_ticks - 2, opening * 4 // 3),
    )  # fmt: skip


def order_item(intent: Intent, instrument: Instrument) -> dict[str, str]:
    """An intent as an item of the bulk entry."""
    return {
        "op": "place",
        "instId": intent.symbol,
        "clOrdId": intent.client_id,
        "side": intent.side,
        "ordType": "ioc",
        "px": instrument.price_text(intent.price_ticks),
        "sz": instrument.size_text(intent.size_lots),
    }


def _balances(client: VenueClient) -> dict[str, Decimal]:
    """Total holding by asset symbol."""
    answer = client.request("GET", "/api/v5/account/balance")
    return {
        detail["ccy"]: Decimal(detail.get("cashBal") or detail.get("eq") or "0")
        for row in answer.get("data", [])
        for detail in row.get("details", [])
    }


def _positions(client: VenueClient) -> dict[str, int]:
    """Contracts held by symbol, those sold short below zero."""
    answer = client.request("GET", "/api/v5/account/positions")
    return {row["instId"]: int(row["pos"]) for row in answer.get("data", [])}
