"""Channels of a whole venue: instruments, its status, its events and liquidations. A process looks once a second, only
while somebody listens, and pushes what changed."""

import asyncio
import logging
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from trading.okx.derivative_objects import event_market_row, liquidation_rows
from trading.okx.objects import instrument_row, instruments_of_kind, status_rows
from trading.okx.topics import frame
from trading.outbox import Outbox
from trading.selectors.catalogue import VenueCatalogue, find_catalogue
from trading.selectors.events import events_of
from trading.selectors.live import live_liquidations
from trading.threads import in_database_thread

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
LIQUIDATIONS = "liquidation-orders"
VENUE_CHANNELS = ("instruments", "status", "event-contract-markets", LIQUIDATIONS)
LIQUIDATION_STEPS = 500  # the newest that are looked at; more in a second are not told
#: Members of an arg that choose among the rows of a channel.
CHOOSING = ("instId", "instFamily")

Rows = dict[str, dict[str, Any]]
Arg = dict[str, Any]


async def _rows(catalogue: VenueCatalogue, channel: str, kind: str) -> Rows:
    """What a channel has to tell, by name."""
    if channel == "status":
        return {row["title"]: row for row in status_rows(catalogue)}
    if channel == "instruments":
        return {market.symbol: instrument_row(market) for market in instruments_of_kind(catalogue, kind)}
    if channel == LIQUIDATIONS:
        steps = await live_liquidations(catalogue.group_id, LIQUIDATION_STEPS)
        return liquidation_rows(catalogue.by_number, steps, kind)
    views = await in_database_thread(events_of, catalogue.id)
    return {market.symbol: event_market_row(view, market) for view in views for market in view.markets}


def _chosen(arg: Arg, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that an arg is about."""
    wanted = {name: arg[name] for name in CHOOSING if arg.get(name)}
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


class VenueBroadcast:
    """The venue channels of one venue that have an audience in this process."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.audience: dict[tuple[str, str], dict[str, set[Outbox]]] = {}
        self._seen: dict[tuple[str, str], Rows] = {}
        self._task: asyncio.Task[None] | None = None

    async def join(self, arg: Arg, key: str, outbox: Outbox, catalogue: VenueCatalogue) -> None:
        """Subscribe a socket: instruments and an ongoing status are told at once; events when they change, and
        liquidations when they happen."""
        channel, kind = arg["channel"], str(arg.get("instType") or "")
        rows = await _rows(catalogue, channel, kind)
        self._seen.setdefault((channel, kind), rows)
        if channel == "instruments" or (channel == "status" and rows):
            outbox.offer(frame(key, _chosen(arg, list(rows.values()))))
        self.audience.setdefault((channel, kind), {}).setdefault(key, set()).add(outbox)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._look())

    def leave(self, arg: Arg, key: str, outbox: Outbox) -> None:
        """Unsubscribe a socket; a venue nobody listens to is not looked at."""
        topic = (arg["channel"], str(arg.get("instType") or ""))
        sockets = self.audience.get(topic, {})
        sockets.get(key, set()).discard(outbox)
        if not sockets.get(key, True):
            del sockets[key]
        if not sockets:
            self.audience.pop(topic, None)
            self._seen.pop(topic, None)
        if not self.audience and self._task is not None:
            self._task.cancel()
            self._task = None

    def tell(self, topic: tuple[str, str], rows: list[dict[str, Any]]) -> None:
        """Push rows to everyone on a channel."""
        for key, sockets in self.audience.get(topic, {}).items():
            chosen = _chosen(orjson.loads(key), rows)
            if not chosen:
                continue
            text = frame(key, chosen)
            for outbox in tuple(sockets):
                outbox.offer(text)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                catalogue = await find_catalogue(self.slug)
                if catalogue is not None:
                    await self._tell_changes(catalogue)
            except Exception as error:  # a database that is away; the next look tells what is new
                log.warning("channels of venue %s not told: %s", self.slug, error)

    async def _tell_changes(self, catalogue: VenueCatalogue) -> None:
        for topic in list(self.audience):
            rows = await _rows(catalogue, *topic)
            seen = self._seen.get(topic, {})
            changed = [row for name, row in rows.items() if seen.get(name) != row]
            if topic[0] == "status":
                changed += [{**row, "state": "completed"} for name, row in seen.items() if name not in rows]
            self._seen[topic] = rows
            if changed:
                self.tell(topic, changed)


_broadcasts: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, VenueBroadcast]] = WeakKeyDictionary()


def venue_broadcast(slug: str) -> VenueBroadcast:
    """The venue channels of a venue in the running event loop."""
    by_slug = _broadcasts.setdefault(asyncio.get_running_loop(), {})
    return by_slug.setdefault(slug, VenueBroadcast(slug))
