"""The living flow: the synthetic orders of the demo, sent through the public bulk entry until told to stop.

A web server that restarts, a busy engine or a lost answer only delay it. A body that was refused for certain is sent
again as it was; one that went unanswered is not, since cancels of orders that never were find nothing and every quote
is replaced in time anyway. What rested from an earlier run is cancelled first.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from django.db import close_old_connections

from exchange_os.demo import cast
from exchange_os.demo.client import MAX_BULK_ITEMS, Credentials, Refused, Unanswered, VenueClient
from exchange_os.demo.event_flow import OutcomeFlow, OutcomeShape
from exchange_os.demo.feeds import PriceFeeds
from exchange_os.demo.flow import TAKER, Intent, MarketFlow
from exchange_os.demo.stage import claim_from_faucet, ensure_person, ensure_trading_account, move_to_venue
from exchange_os.errors import DomainError
from venues.instruments import Instrument
from venues.models import Venue
from venues.selectors import instruments_of

log = logging.getLogger(__name__)

STEP_SECONDS = 1.0
INVENTORY_SECONDS = 15.0
TOP_UP_SECONDS = 300.0
PRICE_SECONDS = 4.0
#: Outcomes of which one in this many takes a step a second.
OUTCOME_TURNS = 4
PAGE = 100


class LivingFlow:
    """Runs the demo's flow at ``base_url`` with the bots' keys until ``stopping`` is set."""

    def __init__(
        self, base_url: str, venue: Venue, keys: dict[str, Credentials], stopping: threading.Event
    ) -> None:
        self._venue = venue
        self._stopping = stopping
        self._clients = {bot: VenueClient(base_url, venue.slug, keys[bot]) for bot in cast.BOTS}
        self._instruments = {item.symbol: item for item in instruments_of(venue)}
        run = f"d{time.time_ns() // 1_000_000:x}"
        markets: dict[str, MarketFlow] = {}
        for shape in cast.SHAPES:
            if shape.symbol in self._instruments:
                leader = markets.get(shape.follows)
                markets[shape.symbol] = MarketFlow(shape, seed=cast.FLOW_SEED, run=run, leader=leader)
        self._markets = markets
        self._outcomes = {
            shape.symbol: OutcomeFlow(shape, seed=cast.FLOW_SEED, run=run)
            for shape in _outcome_shapes(self._instruments.values())
        }
        self._flows: dict[str, MarketFlow | OutcomeFlow] = {**self._markets, **self._outcomes}
        self._feeds: PriceFeeds | None = None
        if perpetual := self._instruments.get(cast.PERPETUAL_SYMBOL):
            self._feeds = PriceFeeds(base_url, venue.group_id, perpetual.number, cast.FLOW_SEED)
        self._turn = 0
        self._waiting: dict[str, list[dict[str, str]]] = {bot: [] for bot in cast.BOTS}

    def run(self) -> None:
        """Cancel what is left of an earlier run, take up the last price, then step once a second."""
        self._until_answered(self._begin)
        next_step = time.monotonic()
        next_inventory = next_top_up = next_price = next_step
        while not self._stopping.is_set():
            if not any(self._waiting.values()):
                self._advance()
            pause = self._send()
            now = time.monotonic()
            if now >= next_price:
                next_price = now + PRICE_SECONDS
                self._push_prices()
            if now >= next_inventory:
                next_inventory = now + INVENTORY_SECONDS
                self._observe_inventory()
            if now >= next_top_up:
                next_top_up = now + TOP_UP_SECONDS
                self._top_up()
            next_step = max(next_step + STEP_SECONDS, now)
            self._stopping.wait(max(pause, next_step - now))

    def _begin(self) -> None:
        for bot, client in self._clients.items():
            for items in _resting(client):
                client.bulk(items)
            log.info("%s starts with an empty book", bot)
        for symbol, flow in self._flows.items():
            answer = self._clients[TAKER].request("GET", f"/api/v5/market/ticker?instId={symbol}")
            row: dict[str, str] = next(iter(answer.get("data", [])), {})
            if (last := row.get("last")) and Decimal(row.get("vol24h") or "0"):
                flow.resume(int(Decimal(last) / self._instruments[symbol].tick_size * 1000))

    def _until_answered(self, action: Callable[[], None]) -> None:
        """Repeat ``action`` until the server answers it or the flow is to stop."""

        while not self._stopping.is_set():
            try:
                action()
                return
            except (Refused, Unanswered) as error:
                log.info("waiting for the server: %s", error)
                self._stopping.wait(1.0)

    def _advance(self) -> None:
        """Let every market step, outcomes in turns, and put each bot's items in line, cancels before places."""
        self._turn += 1
        outcomes = list(self._outcomes.items())
        began = self._turn > OUTCOME_TURNS
        due = outcomes[self._turn % OUTCOME_TURNS :: OUTCOME_TURNS] if began else outcomes
        stepping: list[tuple[str, MarketFlow | OutcomeFlow]] = [*self._markets.items(), *due]
        for symbol, flow in stepping:
            instrument = self._instruments[symbol]
            for bot, intents in flow.step().items():
                self._waiting[bot].extend(_item(intent, instrument) for intent in intents)
        for items in self._waiting.values():
            items.sort(key=lambda item: item["op"])

    def _send(self) -> float:
        """Send what is in line; seconds to wait before more may be sent."""
        for bot, items in self._waiting.items():
            if not items:
                continue
            try:
                acks = self._clients[bot].bulk(items[:MAX_BULK_ITEMS])
            except Refused as refused:
                log.info("%s: refused: %s", bot, refused)
                return refused.retry_after_seconds
            except Unanswered as unanswered:
                log.info("%s: unanswered: %s", bot, unanswered)
                items.clear()
                return STEP_SECONDS
            refused_ids = [
                item["clOrdId"]
                for item, ack in zip(items, acks, strict=False)
                if ack.code != "0" and item["op"] == "place"
            ]
            for flow in self._flows.values():
                flow.on_refused(refused_ids)
            del items[: len(acks)]
        return 0.0

    def _push_prices(self) -> None:
        """Let the synthetic sources say the fair price of the market that the perpetual follows."""
        perpetual = self._markets.get(cast.PERPETUAL_SYMBOL)
        if self._feeds is not None and perpetual is not None and perpetual.leader is not None:
            tick_size = self._instruments[cast.PERPETUAL_SYMBOL].tick_size
            self._feeds.push(perpetual.leader.fair_ticks, tick_size)

    def _observe_inventory(self) -> None:
        """Tell each flow how far the taker's holding or position is from where it began."""
        try:
            held = _balances(self._clients[TAKER])
            positions = _positions(self._clients[TAKER])
        except (Refused, Unanswered):
            return
        for symbol, flow in self._flows.items():
            instrument = self._instruments[symbol]
            if instrument.is_contract:
                flow.on_inventory(positions.get(symbol, 0))
                continue
            target = Decimal(cast.BOT_FUNDS[instrument.size_unit])
            flow.on_inventory(
                int((held.get(instrument.size_unit, Decimal(0)) - target) / instrument.lot_size)
            )

    def _top_up(self) -> None:
        """Bring a bot that ran low back to its funds, from the faucet within its limits."""
        for bot, client in self._clients.items():
            try:
                held = _balances(client)
                low = {
                    symbol: str(Decimal(full) - held.get(symbol, Decimal(0)))
                    for symbol, full in cast.BOT_FUNDS.items()
                    if held.get(symbol, Decimal(0)) * 2 < Decimal(full)
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


def _outcome_shapes(instruments: Iterable[Instrument]) -> Iterator[OutcomeShape]:
    """The shapes of the demo event's outcomes."""
    for item in instruments:
        if item.symbol.startswith(f"{cast.EVENT_SERIES}-") and item.outcome_name in cast.BELIEFS:
            opening = cast.BELIEFS[item.outcome_name] * item.payout_ticks // 100
            yield OutcomeShape(item.symbol, f"o{item.number}", opening, item.payout_ticks)


def _item(intent: Intent, instrument: Instrument) -> dict[str, str]:
    """An intent as an item of the bulk entry."""
    if intent.op == "cancel":
        return {"op": "cancel", "instId": intent.symbol, "clOrdId": intent.client_id}
    return {
        "op": "place",
        "instId": intent.symbol,
        "clOrdId": intent.client_id,
        "side": intent.side,
        "ordType": "post_only" if intent.post_only else "ioc",
        "px": instrument.price_text(intent.price_ticks),
        "sz": instrument.size_text(intent.size_lots),
    }


def _resting(client: VenueClient) -> Iterator[list[dict[str, str]]]:
    """Cancels of all the account's open orders, a page at a time."""
    while True:
        answer = client.request("GET", f"/api/v5/trade/orders-pending?limit={PAGE}")
        rows = answer.get("data", [])
        if not rows:
            return
        yield [{"op": "cancel", "instId": row["instId"], "ordId": row["ordId"]} for row in rows]


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
