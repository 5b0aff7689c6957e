"""Orders and fills of an account: open ones live from the kernel, what is over from PostgreSQL.

Lists are newest first and bounded; ``Window`` says which part of a list is wanted.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import exchange_kernel as kernel
from django.db.models import Q, QuerySet

from exchange_os.engine import client
from exchange_os.engine.gateway import get_gateway
from exchange_os.engine.history import Span
from exchange_os.engine.history import fills as stored_fills
from exchange_os.engine.models import ClosedOrder, Fill
from exchange_os.errors import DomainError
from trading.models import TradingAccount
from trading.threads import in_database_thread

MAX_ROWS = 500
UNTOUCHED_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """An order of an account. Prices in ticks, sizes in lots, ``filled_quote`` and ``fee`` in quote units,
    times in milliseconds; ``side``, ``order_type``, ``tif``, ``stp``, ``state`` and ``reason`` are the
    kernel's numbers. Side and price are those of the book, with ``no_side`` the order was placed on the other.
    ``forced``: a liquidation made it, ``whole``: to close all of a position."""

    order_id: int
    market: int
    client_id: str
    side: int
    order_type: int
    tif: int
    post_only: bool
    price_ticks: int
    size_lots: int
    filled_lots: int
    filled_quote: int
    fee: int
    state: int
    reason: int
    created_ms: int
    closed_ms: int
    reduce_only: bool = False
    stp: int = 0
    expires_ms: int = 0
    no_side: bool = False
    forced: bool = False
    whole: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it rests in the book."""
        return self.state == kernel.STATE_OPEN

    @property
    def remaining_lots(self) -> int:
        """What may still be filled; 0 when it is over."""
        return self.size_lots - self.filled_lots if self.is_open else 0


_MEMBERS = tuple(Order.__slots__)


def order_of_kernel(row: Mapping[str, Any]) -> Order:
    """An order as the kernel describes it in answers and events."""
    return Order(**{name: row[name] for name in _MEMBERS if name in row} | _closed(row))


def _closed(row: Mapping[str, Any]) -> dict[str, int]:
    if "closed_ms" in row:
        return {}
    return {"closed_ms": 0 if row["state"] == kernel.STATE_OPEN else row["time_ms"]}


def order_of_history(row: ClosedOrder) -> Order:
    """An order that is over, from its row."""
    return Order(
        **{name: getattr(row, name) for name in _MEMBERS if hasattr(row, name)},
        reduce_only=bool(row.flags & kernel.FLAG_REDUCE_ONLY),
        no_side=bool(row.flags & kernel.FLAG_NO),
        forced=bool(row.flags & kernel.FLAG_FORCED),
        whole=bool(row.flags & kernel.FLAG_WHOLE),
    )


@dataclass(frozen=True)
class Window:
    """Part of a list, newest first: ids strictly older and newer, times inclusive in milliseconds."""

    limit: int = 100
    older_than: int | None = None
    newer_than: int | None = None
    begin_ms: int | None = None
    end_ms: int | None = None

    def holds(self, identity: int, time_ms: int) -> bool:
        """Whether a row with this id and time is inside, the limit aside."""
        return (
            (self.older_than is None or identity < self.older_than)
            and (self.newer_than is None or identity > self.newer_than)
            and (self.begin_ms is None or time_ms >= self.begin_ms)
            and (self.end_ms is None or time_ms <= self.end_ms)
        )

    @property
    def span(self) -> Span:
        """The same for lists by trade id."""
        return Span(self.older_than, self.newer_than, self.begin_ms, self.end_ms)

    def not_before(self, first_ms: int) -> "Window":
        """The same, of what happened from ``first_ms`` on."""
        return replace(self, begin_ms=max(first_ms, self.begin_ms or 0))

    def filters(self, identity: str, time: str) -> Q:
        """The same as a condition on columns."""
        wanted = Q()
        for value, lookup in (
            (self.older_than, f"{identity}__lt"),
            (self.newer_than, f"{identity}__gt"),
            (self.begin_ms, f"{time}__gte"),
            (self.end_ms, f"{time}__lte"),
        ):
            if value is not None:
                wanted &= Q(**{lookup: value})
        return wanted


EVERYTHING = Window()


#: Numbers of the markets a list is wanted of; ``None`` for all.
Markets = Collection[int] | None


def _newest(orders: Iterable[Order], window: Window, markets: Markets = None) -> list[Order]:
    inside = [
        order
        for order in orders
        if window.holds(order.order_id, order.created_ms) and (markets is None or order.market in markets)
    ]
    return sorted(inside, key=lambda order: order.order_id, reverse=True)[: window.limit]


def open_orders(account: TradingAccount, market: int | None = None) -> list[Order]:
    """Open orders of the account, live, newest first; of one market number if given."""
    answer = client.query(account.venue.group_id, _orders_question(account.number, market))
    return sorted(
        map(order_of_kernel, answer.get("orders", ())), key=lambda order: order.order_id, reverse=True
    )


def _orders_question(account: int, market: int | None, question: str = "orders") -> dict[str, Any]:
    return {"q": question, "account": account} | ({} if market is None else {"market": market})


def _only(markets: Markets) -> int | None:
    """The one market wanted, if it is one."""
    return next(iter(markets)) if markets is not None and len(markets) == 1 else None


async def live_orders(
    group_id: int, account: int, markets: Markets = None, window: Window = EVERYTHING
) -> list[Order]:
    """Open orders of account number ``account``, live, for asynchronous callers."""
    answer = await get_gateway().query(group_id, _orders_question(account, _only(markets)))
    return _newest(map(order_of_kernel, answer.get("orders", ())), window, markets)


def stored_orders(group_id: int, account: int) -> QuerySet[ClosedOrder]:
    """Orders of the account that traded and are over."""
    return ClosedOrder.objects.filter(group_id=group_id, account=account)


def _closed_page(
    group_id: int, account: int, markets: Markets, state: int | None, window: Window
) -> list[Order]:
    rows = stored_orders(group_id, account).filter(window.filters("order_id", "created_ms"))
    if markets is not None:
        rows = rows.filter(market__in=markets)
    if state is not None:
        rows = rows.filter(state=state)
    return [order_of_history(row) for row in rows.order_by("-order_id")[: window.limit]]


async def closed_orders(
    group_id: int,
    account: int,
    markets: Markets = None,
    state: int | None = None,
    window: Window = EVERYTHING,
) -> list[Order]:
    """Orders that are over, newest first: those that traded from PostgreSQL, those cancelled untouched as
    long as the kernel remembers them. ``state`` is ``STATE_FILLED`` or ``STATE_CANCELLED`` of the kernel."""
    found = {
        order.order_id: order
        for order in await in_database_thread(_closed_page, group_id, account, markets, state, window)
    }
    if state != kernel.STATE_FILLED:
        question = _orders_question(account, _only(markets), "closed") | {"limit": MAX_ROWS}
        answer = await get_gateway().query(group_id, question)
        for row in answer.get("orders", ()):
            found.setdefault(row["order_id"], order_of_kernel(row))
    return _newest(found.values(), window, markets)


def order_history(account: TradingAccount, limit: int = 50) -> list[Order]:
    """Orders of the account that are over, newest first, as ``closed_orders``, for callers without an event
    loop."""
    group_id, number = account.venue.group_id, account.number
    found = {order.order_id: order for order in _closed_page(group_id, number, None, None, Window(limit))}
    answer = client.query(group_id, _orders_question(number, None, "closed") | {"limit": limit})
    for row in answer.get("orders", ()):
        found.setdefault(row["order_id"], order_of_kernel(row))
    return _newest(found.values(), Window(limit))


def untouched_orders(account: TradingAccount, markets: Markets, window: Window) -> list[Order]:
    """Orders cancelled without a fill that the kernel remembers, newest first; none if it does not answer at once."""
    question = _orders_question(account.number, _only(markets), "closed") | {"limit": MAX_ROWS}
    try:
        answer = client.query(account.venue.group_id, question, UNTOUCHED_TIMEOUT_SECONDS)
    except DomainError:
        return []
    return _newest(map(order_of_kernel, answer.get("orders", ())), window, markets)


def _stored_order(group_id: int, account: int, order_id: int) -> Order | None:
    row = stored_orders(group_id, account).filter(order_id=order_id).first()
    return order_of_history(row) if row else None


async def find_order(group_id: int, account: int, *, order_id: int = 0, client_id: str = "") -> Order | None:
    """One order of the account by the exchange's id or the trader's own, open or over; ``None`` if it has
    none such.

    A client id names the newest order that carried it.
    """
    named: dict[str, Any] = {"order_id": order_id} if order_id else {"client_id": client_id}
    answer = await get_gateway().query(group_id, {"q": "order", "account": account, **named})
    row = answer.get("order")
    if row is not None and not row.get("summary"):
        return order_of_kernel(row)
    known_id = row["order_id"] if row is not None else order_id
    return await in_database_thread(_stored_order, group_id, account, known_id) if known_id else None


def fills(
    account: TradingAccount, market: int | None = None, limit: int = 50, newer_than: int | None = None
) -> list[Fill]:
    """Fills of the account, newest first; of one market number, and after a trade id, if given."""
    markets = None if market is None else (market,)
    window = Window(limit, newer_than=newer_than)
    return _fills_page(account.venue.group_id, account.number, markets, None, window)


def _fills_page(
    group_id: int, account: int, markets: Markets, order_id: int | None, window: Window
) -> list[Fill]:
    def wanted(fill: Fill) -> bool:
        return (markets is None or fill.market in markets) and order_id in (None, fill.order_id)

    return stored_fills(group_id, account, window.span, window.limit, wanted)


async def fills_page(
    group_id: int,
    account: int,
    markets: Markets = None,
    order_id: int | None = None,
    window: Window = EVERYTHING,
) -> list[Fill]:
    """Fills of account number ``account``, newest first, paged by trade id, for asynchronous callers."""
    return await in_database_thread(_fills_page, group_id, account, markets, order_id, window)
