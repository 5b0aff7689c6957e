"""Sockets of the dialect: requests in, acknowledgements and pushes out. This is the public part, and the ground of
the private one."""

import asyncio
import secrets
import time
from collections import Counter
from typing import Any, ClassVar

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from trading import limits
from trading.okx.broadcast import OF_AN_INDEX, MarketBroadcast, broadcast_of, has_topic
from trading.okx.envelope import translate
from trading.okx.errors import DialectError
from trading.okx.objects import SWAP, family, instruments_of_kind
from trading.okx.venue_topics import VENUE_CHANNELS, venue_broadcast
from trading.outbox import Outbox
from trading.selectors.catalogue import TradableMarket, VenueCatalogue, find_catalogue

MAX_FRAME_BYTES = 64 * 1024
MAX_SUBSCRIPTIONS = 480
MAX_ARGS = 100
MESSAGES_PER_SECOND = 100
MESSAGE_BURST = 300
IDLE_SECONDS = 30.0
MAX_OVERFLOWS = 10
UPGRADE_NOTICE = "The connection will soon be closed for a service upgrade. Please reconnect."
CLOSE_TOO_BIG, CLOSE_SLOW, CLOSE_TOO_MANY, CLOSE_IDLE, CLOSE_UNKNOWN = 1009, 1013, 1008, 4004, 4404
WATCH_SECONDS = 1.0

MAX_SOCKETS_PER_ADDRESS = 100  # in one web process

Arg = dict[str, Any]
_open_sockets: Counter[str] = Counter()
_sockets: "set[OkxSocket]" = set()


class OkxSocket(AsyncWebsocketConsumer):
    """One socket at ``/v/<venue>/ws/v5/…``."""

    channel_layer_alias = ""  # sockets are fed by this process's own hub, not by the channel layer
    handlers: ClassVar[dict[str, str]] = {"subscribe": "op_subscribe", "unsubscribe": "op_unsubscribe"}

    async def connect(self) -> None:
        """Accept a socket of a live venue, unless its address opens too many."""
        self.connection_id = secrets.token_hex(4)
        self.subscriptions: dict[str, tuple[MarketBroadcast, str] | None] = {}
        self.of_venue: dict[str, Arg] = {}
        self.outbox = Outbox(self.base_send, self._overflowed)
        self.address = str((self.scope.get("client") or ("unknown",))[0])
        self._tokens, self._tokens_at = float(MESSAGE_BURST), time.monotonic()
        self._heard_at = time.monotonic()
        self._overflows = 0
        self._counted = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.TimerHandle | None = None
        found = await find_catalogue(self.scope["url_route"]["kwargs"]["venue"])
        verdict = await limits.spend(limits.SOCKET, self.address)
        most = MAX_SOCKETS_PER_ADDRESS * settings.API_RATE_FACTOR
        if found is None or not verdict.allowed or _open_sockets[self.address] >= most:
            await self.close()
            return
        self._counted = True
        _sockets.add(self)
        _open_sockets[self.address] += 1
        self.catalogue: VenueCatalogue = found
        await self.accept()
        self._keep_watch()
        await self.connected()

    async def connected(self) -> None:
        """The socket is open."""

    async def disconnect(self, code: int) -> None:
        """Let go of everything the socket held."""
        if self._counted:
            self._counted = False
            _sockets.discard(self)
            _open_sockets[self.address] -= 1
            if not _open_sockets[self.address]:
                del _open_sockets[self.address]
        if self._watch is not None:
            self._watch.cancel()
        for key in list(self.subscriptions):
            self._drop(key)
        for task in tuple(self._tasks):
            task.cancel()
        self.outbox.close()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Handle one frame from the client."""
        self._heard_at = time.monotonic()
        if text_data == "ping":
            self.outbox.offer("pong")
            return
        if text_data is None or len(text_data) > MAX_FRAME_BYTES:
            await self.shut(CLOSE_TOO_BIG)
            return
        if not self._may_speak():
            self.tell_error("60014", "Requests too frequent: at most 100 messages a second on one socket.")
            return
        request: Any = None
        try:
            request = orjson.loads(text_data)
            if not isinstance(request, dict) or str(request.get("op")) not in self.handlers:
                raise DialectError("60012", f"Illegal request: {text_data[:200]}")
            await getattr(self, self.handlers[str(request["op"])])(request)
        except orjson.JSONDecodeError:
            self.tell_error("60012", f"Illegal request: {text_data[:200]}")
        except Exception as error:
            known = translate(error)
            self.tell_error(known.code, known.message, request)

    def _may_speak(self) -> bool:
        now = time.monotonic()
        self._tokens = min(MESSAGE_BURST, self._tokens + (now - self._tokens_at) * MESSAGES_PER_SECOND)
        self._tokens_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def tell(self, message: dict[str, Any]) -> None:
        """Queue a message."""
        self.outbox.offer(orjson.dumps(message).decode())

    def tell_error(self, code: str, message: str, request: Any = None) -> None:
        """Queue an error event."""
        echo = (
            {"id": request["id"]} if isinstance(request, dict) and isinstance(request.get("id"), str) else {}
        )
        self.tell({**echo, "event": "error", "code": code, "msg": message, "connId": self.connection_id})

    async def shut(self, code: int) -> None:
        """Close the socket from our side."""
        self.outbox.close()
        await self.close(code)

    def spawn(self, work: Any) -> None:
        """Run a coroutine that belongs to this socket."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _keep_watch(self) -> None:
        """Once a second: is the socket stuck, or silent on both sides for too long?"""
        now = time.monotonic()
        if self.outbox.stalled:
            self.spawn(self._abort())
            return
        if now - max(self._heard_at, self.outbox.sent_at) > IDLE_SECONDS:
            self.spawn(self.shut(CLOSE_IDLE))
            return
        self._watch = asyncio.get_running_loop().call_later(WATCH_SECONDS, self._keep_watch)

    async def _abort(self) -> None:
        """The client does not read at all: it gets nothing more. The close frame leaves if it ever reads again; if not,
        the server's own keep-alive ends the connection."""
        self.outbox.close()
        for key in list(self.subscriptions):
            self._drop(key)
        await self.close(CLOSE_SLOW)

    def _overflowed(self) -> None:
        """The client reads too slowly: what waited was dropped; once it caught up it gets whole books again."""
        self._overflows += 1
        self.spawn(self._recover() if self._overflows <= MAX_OVERFLOWS else self.shut(CLOSE_SLOW))

    async def _recover(self) -> None:
        await self.outbox.flush()
        for arg, held in list(self.subscriptions.items()):
            if held is not None:
                broadcast, channel = held
                await broadcast.greet(channel, arg, self.outbox)

    # --- subscriptions -------------------------------------------------------------------------------------------

    def _args_of(self, request: dict[str, Any]) -> list[Arg]:
        args = request.get("args")
        if not isinstance(args, list) or not 1 <= len(args) <= MAX_ARGS:
            raise DialectError("60012", f"Illegal request: args is a list of 1 to {MAX_ARGS} objects.")
        if not all(isinstance(arg, dict) and isinstance(arg.get("channel"), str) for arg in args):
            raise DialectError("60012", "Illegal request: every arg names a channel.")
        return args

    async def op_subscribe(self, request: dict[str, Any]) -> None:
        """Subscribe to channels; each arg is acknowledged, then comes its snapshot if it has one."""
        for arg in self._args_of(request):
            try:
                if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
                    raise DialectError("60014", f"At most {MAX_SUBSCRIPTIONS} subscriptions on one socket.")
                await self.subscribe(arg, request)
            except DialectError as error:
                self.tell_error(error.code, error.message, request)

    async def op_unsubscribe(self, request: dict[str, Any]) -> None:
        """Unsubscribe from channels; each arg is acknowledged."""
        for arg in self._args_of(request):
            self._drop(key_of(arg))
            self.acknowledge("unsubscribe", arg, request)

    def acknowledge(self, event: str, arg: Arg, request: dict[str, Any]) -> None:
        """Tell that a subscription began or ended."""
        echo = {"id": request["id"]} if isinstance(request.get("id"), str) else {}
        self.tell({**echo, "event": event, "arg": arg, "connId": self.connection_id})

    async def subscribe(self, arg: Arg, request: dict[str, Any]) -> None:
        """Subscribe to one channel. Errors: 60018."""
        channel, key = arg["channel"], key_of(arg)
        if channel in VENUE_CHANNELS:
            self._drop(key)
            self.subscriptions[key] = None
            self.of_venue[key] = arg
            self.acknowledge("subscribe", arg, request)
            await venue_broadcast(self.catalogue.slug).join(arg, key, self.outbox, self.catalogue)
            return
        if not has_topic(channel):
            raise DialectError(
                "60018", f"Wrong URL or channel:{channel} doesn't exist. Please use the correct URL."
            )
        name = arg.get("instId")
        market = self._market_of(channel, name) if isinstance(name, str) else None
        if market is None:
            raise DialectError("60018", f"Wrong URL or channel:{channel},instId:{name} doesn't exist.")
        if key in self.subscriptions:
            self._drop(key)
        broadcast = broadcast_of(market)
        self.subscriptions[key] = (broadcast, channel)
        self.acknowledge("subscribe", arg, request)
        await broadcast.join(channel, key, self.outbox)
        if key not in self.subscriptions:
            broadcast.leave(channel, key, self.outbox)

    def _market_of(self, channel: str, name: str) -> TradableMarket | None:
        """The market a channel is about; channels of an index name that."""
        if channel.startswith(OF_AN_INDEX):
            perpetuals = instruments_of_kind(self.catalogue, SWAP)
            return next((market for market in perpetuals if name in (family(market), market.symbol)), None)
        return self.catalogue.by_symbol.get(name)

    def _drop(self, key: str) -> None:
        arg = self.of_venue.pop(key, None)
        if arg is not None:
            venue_broadcast(self.catalogue.slug).leave(arg, key, self.outbox)
        held = self.subscriptions.pop(key, None)
        if held is not None:
            broadcast, channel = held
            broadcast.leave(channel, key, self.outbox)


def key_of(arg: Arg) -> str:
    """A subscription's identity, and the text echoed with every push: the arg as JSON."""
    return orjson.dumps(arg).decode()


async def announce_the_end() -> None:
    """Tell every socket that it will be closed, so that clients connect again elsewhere, and wait until they know."""
    told = tuple(_sockets)
    for each in told:
        each.tell({"event": "notice", "code": "64008", "msg": UPGRADE_NOTICE, "connId": each.connection_id})
    await asyncio.gather(*(each.outbox.flush() for each in told), return_exceptions=True)
