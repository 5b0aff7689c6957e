"""An account's private events on the web side: every change of its orders and balances, in order, to every
socket.

When events may have been missed, the kernel is asked for the account and the difference to what was told is
made up for: each order that changed is told in its present state, each balance as it is. Fills in such a
hole are not told one by one; they are in the history.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from exchange_kernel import STATE_OPEN, TAKER

from exchange_os.engine.feed import get_event_feed
from exchange_os.engine.gateway import get_gateway
from exchange_os.errors import DomainError
from trading.selectors.orders import Order, order_of_kernel
from trading.selectors.positions import holdings_of_kernel
from trading.selectors.realised import Held, moved

log = logging.getLogger(__name__)

Event = dict[str, Any]
Listener = Callable[[list[Event]], None]
#: Whether a market number rounds up what a position realises; ``None`` where there are no positions.
RoundsUp = Callable[[int], bool | None]
RETRY_SECONDS = 0.5
#: Names of amendments that are remembered until the kernel tells of them.
MAX_REQUESTS = 1_000


class AccountStream:
    """One account of one risk group, followed live.

    Orders are told with the account's ``leverage`` in their market and what they realised so far (``order_pnl``), fills
    with their part of it (``fill_pnl``); in units, ``None`` where a hole hides it.
    """

    def __init__(self, group_id: int, account: int, rounds_up: RoundsUp) -> None:
        self.group_id = group_id
        self.account = account
        self.rounds_up = rounds_up
        self._positions: dict[int, Held] = {}
        self._positions_known = False
        self._leverages: dict[int, int] = {}
        self._gains: dict[int, int | None] = {}
        self._requests: OrderedDict[int | str, str] = OrderedDict()
        self.listeners: set[Listener] = set()
        self.ready = asyncio.Event()
        self._open: dict[int, Order] = {}
        self._balances: dict[int, tuple[int, int]] = {}
        self._covered = -1
        self._held: list[Event] = []
        self._sync: asyncio.Task[None] | None = None
        self._sync_again = False

    async def start(self) -> None:
        """Begin to follow; ``ready`` is set once the account's state is known."""
        await get_event_feed().subscribe(self.group_id, self.account, self._receive, self._missed)

    async def stop(self) -> None:
        """Let go of the feed."""
        if self._sync is not None:
            self._sync.cancel()
        await get_event_feed().unsubscribe(self.group_id, self.account, self._receive)

    def _missed(self) -> None:
        self._positions, self._positions_known = {}, False
        self._gains.clear()
        if self._sync is None:
            self._sync = asyncio.get_running_loop().create_task(self._resynchronise())
        else:
            self._sync_again = True

    def _receive(self, events: list[Event]) -> None:
        if self._sync is not None:
            self._held += events
            return
        self._tell([event for event in events if event["sequence"] > self._covered])

    def _tell(self, events: list[Event]) -> None:
        told: list[Event] = []
        for event in events:
            if event["kind"] == "note":
                self._note(event)
                continue
            if event["kind"] == "position":
                self._positions[event["market"]] = Held(event["lots"], event["entry"])
                self._leverages[event["market"]] = event["leverage"]
            if event["kind"] not in ("order", "fill", "balance"):
                told.append(event)
                continue
            if event["kind"] == "balance":
                self._balances[event["asset"]] = (event["total"], event["held"])
                told.append(event)
                continue
            order = order_of_kernel(event)
            event = self._enriched(event, order)
            if event["kind"] == "fill" and event["role"] == TAKER and order.order_id not in self._open:
                told.append(_accepted(event))
            if event["kind"] == "fill" or self._open.get(order.order_id) != order:
                told.append(event)
            self._remember(order)
        if told:
            for listener in tuple(self.listeners):
                listener(told)

    def _note(self, note: Event) -> None:
        """Remember which request the next change of an order belongs to, or that it belongs to none."""
        named = note["order_id"] or note["client_id"]
        self._requests.pop(named, None)
        if note["request_id"]:
            self._requests[named] = note["request_id"]
        while len(self._requests) > MAX_REQUESTS:
            self._requests.popitem(last=False)

    def _enriched(self, event: Event, order: Order) -> Event:
        """An order or fill with the account's leverage in its market (0: never set) and what it realised."""
        number, before = order.order_id, self._open.get(order.order_id)
        earlier = self._gains.get(number)
        if number not in self._gains and (before is None or not before.filled_lots):
            untold = event["kind"] == "fill" and event["role"] != TAKER and before is None
            earlier = None if untold or (event["kind"] == "order" and order.filled_lots) else 0
        if event["kind"] == "order" and before is not None and _terms(before) != _terms(order):
            request = self._requests.pop(number, self._requests.pop(order.client_id, None))
            event |= {} if request is None else {"request_id": request}
        event = {**event, "leverage": self._leverages.get(order.market, 0), "order_pnl": earlier}
        if event["kind"] == "fill":
            gain = self._realise(event)
            whole = None if gain is None or earlier is None else earlier + gain
            self._gains[number] = whole
            event |= {"fill_pnl": gain, "order_pnl": whole}
        return event

    def _realise(self, fill: Event) -> int | None:
        """What a fill realised. The kernel tells positions at the end of a batch, so those between are reckoned."""
        market, up = fill["market"], self.rounds_up(fill["market"])
        if up is None:
            return 0
        before = self._positions.get(market, Held() if self._positions_known else None)
        if before is None:
            return None
        sign = -1 if fill["side"] else 1
        lots, value = sign * fill["fill_size_lots"], sign * fill["fill_notional"]
        self._positions[market], gain = moved(before, lots, value, rounds_up=up)
        return gain

    def _remember(self, order: Order) -> None:
        if order.is_open:
            self._open[order.order_id] = order
        else:
            self._open.pop(order.order_id, None)
            self._gains.pop(order.order_id, None)

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        while True:
            try:
                return await get_gateway().query(self.group_id, {"account": self.account, **question})
            except DomainError as error:
                log.info(
                    "account %s cannot be read: %s", self.account, error.code, extra={"group": self.group_id}
                )
                await asyncio.sleep(RETRY_SECONDS)

    async def _resynchronise(self) -> None:
        """Ask for the account; tell what came meanwhile and is covered by the answer, then what is still different."""
        self._sync_again = True
        while self._sync_again:
            self._sync_again = False
            answer = await self._ask({"q": "account"})
            if self.ready.is_set():
                sequence = answer["sequence"]
                news = [event for event in self._held if event["sequence"] > self._covered]
                self._held = [event for event in news if event["sequence"] > sequence]
                self._tell([event for event in news if event["sequence"] <= sequence])
                self._tell(await self._differences(answer))
            else:
                self._open = {row["order_id"]: order_of_kernel(row) for row in answer.get("orders", ())}
                self._balances = {
                    row["asset"]: (row["total"], row["held"]) for row in answer.get("balances", ())
                }
            self._covered = answer["sequence"]
            held = holdings_of_kernel(answer).positions
            self._positions = {position.market: Held(position.lots, position.entry) for position in held}
            self._leverages = {position.market: position.leverage for position in held}
            self._positions_known = True
        self._sync = None
        self.ready.set()
        waiting, self._held = self._held, []
        self._receive(waiting)

    async def _differences(self, answer: dict[str, Any]) -> list[Event]:
        """What was told and is no longer so: orders and balances as they are now."""
        stamp = {"sequence": answer["sequence"], "time_ms": answer["now_ms"], "account": self.account}
        present = {row["order_id"]: row for row in answer.get("orders", ())}
        changed = [row for key, row in present.items() if self._open.get(key) != order_of_kernel(row)]
        for order_id in self._open.keys() - present.keys():
            found = (await self._ask({"q": "order", "order_id": order_id})).get("order")
            if found is not None and not found.get("summary"):
                changed.append(found)
        events: list[Event] = [{**row, **stamp, "kind": "order"} for row in changed]
        for row in answer.get("balances", ()):
            if self._balances.get(row["asset"]) != (row["total"], row["held"]):
                events.append({**row, **stamp, "kind": "balance"})
        return events


def _terms(order: Order) -> tuple[int, int]:
    """What an amendment changes."""
    return order.price_ticks, order.size_lots


def _accepted(fill: Event) -> Event:
    """The acceptance of an order that traded at once: the kernel tells its fills first."""
    return {
        **fill, "kind": "order", "state": STATE_OPEN, "filled_lots": 0, "filled_quote": 0, "fee": 0, "order_pnl": 0,
    }  # fmt: skip


_streams: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[int, int], AccountStream]] = (
    WeakKeyDictionary()
)


async def follow_account(
    group_id: int, account: int, listener: Listener, rounds_up: RoundsUp
) -> AccountStream:
    """Tell ``listener`` every event of the account from now on; answers once the account's state is known."""
    streams = _streams.setdefault(asyncio.get_running_loop(), {})
    stream = streams.get((group_id, account))
    if stream is None:
        stream = streams[(group_id, account)] = AccountStream(group_id, account, rounds_up)
        stream.listeners.add(listener)
        await stream.start()
    stream.listeners.add(listener)
    stream.rounds_up = rounds_up  # of a catalogue that knows the newest markets
    await stream.ready.wait()
    return stream


async def unfollow_account(stream: AccountStream, listener: Listener) -> None:
    """Undo ``follow_account``; an account nobody follows is let go."""
    stream.listeners.discard(listener)
    if not stream.listeners:
        streams = _streams.setdefault(asyncio.get_running_loop(), {})
        if streams.get((stream.group_id, stream.account)) is stream:
            del streams[(stream.group_id, stream.account)]
        await stream.stop()
