"""The private socket: sign-in, order operations, and pushes of an account's orders, fills and balances.

Two orders are kept. Operations reach the kernel in the order in which they arrived on the socket, though many may be
on their way at once. And a push never overtakes the acknowledgement of an operation that was sent before it happened:
pushes wait until every operation under way at their arrival has been answered.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from django.db import Error
from exchange_kernel import STATE_NONE

from trading import limits
from trading.account_stream import AccountStream, Event, follow_account, unfollow_account
from trading.models import Permission
from trading.okx import signing
from trading.okx.algo_objects import algo_row
from trading.okx.caller import Caller, caller_of, known_key
from trading.okx.envelope import batch_code, now_us, translate
from trading.okx.errors import DialectError
from trading.okx.objects import inst_type
from trading.okx.orders import (
    AMEND,
    CANCEL,
    PLACE,
    Prepared,
    Row,
    Verb,
    cancel_everything,
    finish,
    now_ms,
    prepare,
)
from trading.okx.position_stream import PositionStream
from trading.okx.private_objects import (
    account_row,
    detail_row,
    fill_push_row,
    order_push_row,
)
from trading.okx.requests import checked_batch, integer_text
from trading.okx.sockets import CLOSE_SLOW, Arg, OkxSocket, key_of
from trading.okx.topics import frame
from trading.selectors.accounts import account_of
from trading.selectors.algos import algo_of_kernel
from trading.selectors.orders import order_of_kernel
from trading.sessions import session_end
from trading.threads import in_database_thread
from trading.used_signatures import use_login
from venues.selectors import venue_by_slug

log = logging.getLogger(__name__)

MAX_UNDER_WAY = 256
KEY_SECONDS = 3.0  # so long, and as long as a key is remembered, does a socket outlive its key
CLOSE_UNAUTHENTICATED = 4401
PRIVATE_CHANNELS = (
    "account",
    "orders",
    "fills",
    "positions",
    "balance_and_position",
    "orders-algo",
    "algo-advance",
    "liquidation-warning",
)
OPERATIONS: dict[str, tuple[Verb, bool]] = {
    "order": (PLACE, False),
    "batch-orders": (PLACE, True),
    "cancel-order": (CANCEL, False),
    "batch-cancel-orders": (CANCEL, True),
    "amend-order": (AMEND, False),
    "batch-amend-orders": (AMEND, True),
}


class PrivateSocket(OkxSocket):
    """``/ws/v5/private``."""

    handlers: ClassVar[dict[str, str]] = {
        **OkxSocket.handlers,
        "login": "op_login",
        "mass-cancel": "op_mass_cancel",
        **dict.fromkeys(OPERATIONS, "op_order"),
    }

    async def connected(self) -> None:
        """A page's own socket is signed in by its session, for reading; programs sign in with a key."""
        self.caller: Caller | None = None
        self.signed_by: tuple[str, str] | None = None
        self.stream: AccountStream | None = None
        self.private: dict[str, Arg] = {}
        self.margin: PositionStream | None = None
        self._operation = 0
        self._under_way: set[int] = set()
        self._held: deque[tuple[int, str]] = deque()
        self._room = asyncio.Semaphore(MAX_UNDER_WAY)
        user = self.scope.get("user")
        if user is not None and user.is_authenticated:
            venue = await in_database_thread(venue_by_slug, self.catalogue.slug)
            account = await in_database_thread(account_of, user.pk, venue)
            if account is not None:
                rights = frozenset({Permission.READ.value})
                self.caller = Caller(self.catalogue, user.pk, account.number, 0, rights)
                self.spawn(self._end_with_session(self.scope["session"].session_key, user.pk))

    async def _end_with_session(self, session_key: str, user_id: int) -> None:
        await session_end(session_key, user_id, KEY_SECONDS)
        await self.shut(CLOSE_UNAUTHENTICATED)

    async def _end_with_key(self) -> None:
        """Close the socket soon after the key it signed in with was revoked, replaced or expired; an edited one
        has its new rights."""
        while True:
            await asyncio.sleep(KEY_SECONDS)
            try:
                credential = await known_key(self.catalogue, *(self.signed_by or ("", "")), self.address)
                self.caller = caller_of(self.catalogue, credential)
            except DialectError:
                break
            except Error:
                log.warning("a key could not be looked up", exc_info=True)
        self.tell_error("60011", "The key was revoked or has expired. Please log in with another.")
        await self.outbox.flush()
        await self.shut(CLOSE_UNAUTHENTICATED)

    async def disconnect(self, code: int) -> None:
        """Stop following the account too."""
        await super().disconnect(code)
        margin, self.margin = getattr(self, "margin", None), None
        if margin is not None:
            margin.stop()
        stream, self.stream = getattr(self, "stream", None), None
        if stream is not None:
            await unfollow_account(stream, self._happened)

    def _overflowed(self) -> None:
        """Private pushes cannot be made up for: the client reconnects and reads its orders."""
        self.spawn(self.shut(CLOSE_SLOW))

    def _signed_in(self) -> Caller:
        if self.caller is None:
            raise DialectError("60011", "Please log in.")
        return self.caller

    # --- sign-in -------------------------------------------------------------------------------------------------

    async def op_login(self, request: dict[str, Any]) -> None:
        """Sign in with a key. Errors: 60009, 60004 or 60006 for the timestamp, 60006 for a login used before."""
        args = request.get("args")
        arg = args[0] if isinstance(args, list) and args and isinstance(args[0], dict) else {}
        key, passphrase, sign = (str(arg.get(name) or "") for name in ("apiKey", "passphrase", "sign"))
        timestamp = str(arg.get("timestamp") or "")
        if not (await limits.spend(limits.LOGIN, self.address)).allowed:
            raise DialectError("60014", "Login requests too frequent.")
        if not timestamp.replace(".", "", 1).isdigit() or not timestamp.isascii() or len(timestamp) > 20:
            raise DialectError("60004", "Invalid timestamp: unix seconds are expected.")
        if abs(time.time() - float(timestamp)) > signing.WINDOW_MS / 1000:
            raise DialectError("60006", "Timestamp request expired: set your clock.")
        try:
            credential = await known_key(self.catalogue, key, passphrase, self.address)
        except DialectError as error:
            raise DialectError("60009", f"Login failed. {error.message}") from None
        if not signing.verify_login(credential.secret, sign, timestamp):
            raise DialectError("60009", "Login failed. Invalid sign.")
        valid_until = signing.valid_until(int(float(timestamp) * 1000))
        if not await use_login(sign, valid_until, self.address):
            raise DialectError("60006", "This login was used before: sign one with a new timestamp.")
        if self.caller is not None and self.caller.account != credential.account:
            raise DialectError("60009", "Login failed. This socket is signed in as another account already.")
        self.caller = caller_of(self.catalogue, credential)
        if self.signed_by is None:
            self.spawn(self._end_with_key())
        self.signed_by = (key, passphrase)
        self.tell({"event": "login", "code": "0", "msg": "", "connId": self.connection_id})

    # --- order operations ----------------------------------------------------------------------------------------

    async def op_order(self, request: dict[str, Any]) -> None:
        """Place, amend or cancel; the answer comes when it is durable, and before its pushes."""
        received, name = now_us(), request["op"]
        verb, batch = OPERATIONS[name]
        try:
            caller = self._signed_in()
            items = checked_batch(request.get("args"))
            if not batch and len(items) != 1:
                raise DialectError(
                    "60012", f"Illegal request: {name} takes one order; use batch-orders for more."
                )
            prepared = await prepare(verb, caller, items, batch=batch, common=_deadline(request))
        except DialectError as error:
            self._answer(request, error.code, error.message, [], received)
            return
        await self._room.acquire()
        self._operation += 1
        self._under_way.add(self._operation)
        self.spawn(self._complete(request, prepared, self._operation, received))

    async def _complete(
        self, request: dict[str, Any], prepared: Prepared, number: int, received: str
    ) -> None:
        try:
            rows = await finish(prepared)
            self._answer(request, batch_code(rows), "", rows, received)
        except Exception as error:
            known = translate(error)
            self._answer(request, known.code, known.message, [], received)
        finally:
            self._room.release()
            self._under_way.discard(number)
            self._release()

    async def op_mass_cancel(self, request: dict[str, Any]) -> None:
        """Cancel every order, of one market if named."""
        received = now_us()
        try:
            args = request.get("args")
            item = args[0] if isinstance(args, list) and args and isinstance(args[0], dict) else {}
            rows = await cancel_everything(self._signed_in(), item)
            self._answer(request, "0", "", rows, received)
        except Exception as error:
            known = translate(error)
            self._answer(request, known.code, known.message, [{"result": False}], received)

    def _answer(
        self, request: dict[str, Any], code: str, message: str, rows: list[Row], received: str
    ) -> None:
        identity = request.get("id")
        self.tell(
            {
                "id": identity if isinstance(identity, str | int) else "",
                "op": request["op"],
                "code": code,
                "msg": message,
                "data": rows,
                "inTime": received,
                "outTime": now_us(),
            }
        )

    # --- pushes --------------------------------------------------------------------------------------------------

    def _push(self, text: str) -> None:
        """Queue a push behind the answers of all operations that are under way now."""
        if self._under_way or self._held:
            self._held.append((self._operation, text))
        else:
            self.outbox.offer(text)

    def _release(self) -> None:
        oldest = min(self._under_way, default=None)
        while self._held and (oldest is None or self._held[0][0] < oldest):
            self.outbox.offer(self._held.popleft()[1])

    async def subscribe(self, arg: Arg, request: dict[str, Any]) -> None:
        """Subscribe to a private channel, or to a public one. Errors: 60011, 60018."""
        channel = arg["channel"]
        if channel not in PRIVATE_CHANNELS:
            await super().subscribe(arg, request)
            return
        caller, key = self._signed_in(), key_of(arg)
        name = arg.get("instId")
        if name is not None and name not in self.catalogue.by_symbol:
            raise DialectError("60018", f"Wrong URL or channel:{channel},instId:{name} doesn't exist.")
        if self.stream is None:
            self.stream = await follow_account(
                self.catalogue.group_id, caller.account, self._happened, self.catalogue.rounds_up
            )
        self.subscriptions[key] = None
        self.private[key] = arg
        self.acknowledge("subscribe", arg, request)
        await self._greet(channel, key, caller)

    def _drop(self, key: str) -> None:
        self.private.pop(key, None)
        super()._drop(key)

    async def _greet(self, channel: str, key: str, caller: Caller) -> None:
        """The snapshot of a channel that has one."""
        if channel not in ("account", "positions", "balance_and_position"):
            return
        if self.margin is None:
            self.margin = PositionStream(self.catalogue, caller.account, self._tell_margin)
        rows, account = await self.margin.snapshot()
        self.margin.start()
        arg = self.private.get(key, {})
        if channel == "positions":
            self._push(frame(self._echo(key), [row for row in rows if _about(arg, row)]))
        else:
            shape = _account_shape(channel, _chosen(account, arg), rows, now_ms(), "snapshot")
            self._push(frame(self._echo(key), [shape]))

    def _tell_margin(self, rows: list[dict[str, Any]], account: dict[str, Any]) -> None:
        """Positions that changed, and the account of one that has margin."""
        for key, arg in self._each("positions"):
            chosen = [row for row in rows if _about(arg, row)]
            if chosen:
                self._push(frame(self._echo(key), chosen))
        if not account.get("mmr") and not rows:
            return
        for key, arg in self._each("account", "balance_and_position"):
            if arg["channel"] == "account" or rows:
                shape = _account_shape(
                    arg["channel"], _chosen(account, arg), rows, now_ms(), "position_changed"
                )
                self._push(frame(self._echo(key), [shape]))

    def _happened(self, events: list[Event]) -> None:
        """Push the account's events to every channel that tells them."""
        changed: list[dict[str, Any]] = []
        for event in events:
            if event["kind"] == "balance":
                asset = self.catalogue.assets.get(event["asset"])
                if asset is not None:
                    changed.append(detail_row(asset, event["total"], event["held"], event["time_ms"]))
            elif event["kind"] in ("order", "fill") and event["state"] != STATE_NONE:
                self._tell_order(event)
            elif event["kind"] == "algo":
                self._tell_algo(event)
        if changed and not (self.margin is not None and self.margin.has_margin):
            self._tell_balances(changed, events[-1]["time_ms"])
        if self.margin is not None:
            self.margin.changed()

    def _echo(self, key: str) -> str:
        """The arg of a private push: as it was subscribed, and whose it is."""
        return key_of({**self.private.get(key, {}), "uid": str(self._signed_in().account)})

    def _each(self, *channels: str) -> list[tuple[str, Arg]]:
        return [(key, arg) for key, arg in self.private.items() if arg["channel"] in channels]

    def _tell_order(self, event: Event) -> None:
        market = self.catalogue.by_number.get(event["market"])
        if market is None:
            return
        kind = inst_type(market)
        rows: dict[str, Callable[[], dict[str, Any]]] = {
            "orders": lambda: order_push_row(market, order_of_kernel(event), event)
        }
        if event["kind"] == "fill":
            rows["fills"] = lambda: fill_push_row(market, event)
        for key, arg in self._each(*rows):
            if arg.get("instId") in (None, market.symbol) and arg.get("instType", "ANY") in ("ANY", kind):
                self._push(frame(self._echo(key), [rows[arg["channel"]]()]))

    def _tell_algo(self, event: Event) -> None:
        market = self.catalogue.by_number.get(event["market"])
        if market is None:
            return
        row = algo_row(market, algo_of_kernel(event)) | {"uTime": str(event["time_ms"])}
        for key, arg in self._each("orders-algo", "algo-advance"):
            slices = row["ordType"] in ("iceberg", "twap", "move_order_stop")
            wanted = arg["channel"] == ("algo-advance" if slices else "orders-algo") or "algoId" in arg
            if wanted and _about(arg, row) and arg.get("algoId") in (None, row["algoId"]):
                self._push(frame(self._echo(key), [row]))

    def _tell_balances(self, details: list[dict[str, Any]], time_ms: int) -> None:
        for key, arg in self._each("account", "balance_and_position"):
            chosen = [detail for detail in details if arg.get("ccy") in (None, detail["ccy"])]
            if chosen:
                shape = _account_shape(arg["channel"], account_row(chosen, time_ms), [], time_ms, "filled")
                self._push(frame(self._echo(key), [shape]))


def _deadline(request: dict[str, Any]) -> dict[str, str] | None:
    value = request.get("expTime")
    if value in (None, ""):
        return None
    deadline = integer_text(str(value), "expTime")
    return {"expTime": str(deadline)}


def _about(arg: Arg, row: dict[str, Any]) -> bool:
    """Whether a subscription wants this position."""
    return arg.get("instId") in (None, row["instId"]) and arg.get("instType", "ANY") in (
        "ANY",
        row["instType"],
    )


def _chosen(account: dict[str, Any], arg: Arg) -> dict[str, Any]:
    """The account with the line of the asset a subscription names, or with all."""
    wanted = arg.get("ccy")
    if not wanted:
        return account
    return {**account, "details": [row for row in account["details"] if row["ccy"] == wanted]}


def _account_shape(
    channel: str, account: dict[str, Any], rows: list[dict[str, Any]], ts_ms: int, why: str
) -> dict[str, Any]:
    if channel == "account":
        return account
    return {
        "pTime": str(ts_ms),
        "eventType": why,
        "balData": [
            {name: detail[name] for name in ("ccy", "cashBal", "uTime")} for detail in account["details"]
        ],
        "posData": rows,
        "trades": [],
    }
