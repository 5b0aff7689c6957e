"""A user's history over all venues, newest first: one list of each kind, merged from the accounts, in pages by cursor.

Rows are ordered by ``Place``: time, account, then the row's own id, which follows time within an account. A cursor is
the place of the last row that was shown; each account is asked only for rows before it, so no page costs more than
another.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import exchange_kernel as kernel
from django.db.models import TextChoices

from exchange_os.engine.history import Span, fills
from exchange_os.engine.models import Bill, Fill
from exchange_os.ledger.models import Asset, Direction, Transfer
from exchange_os.ledger.selectors import amount_text, listed_assets
from trading.models import TradingAccount
from trading.selectors.orders import Order, Window, order_of_history, stored_orders, untouched_orders
from venues.instruments import Instrument
from venues.selectors import instruments_of

PAGE_ROWS = 50
_CURSOR = re.compile(r"([0-9]{1,15})-([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,9})")
_TIED = 2  # rows that may share an id with the last one shown: both sides of a trade with oneself


class Tab(TextChoices):
    """The lists."""

    ORDERS = "orders", "Orders"
    FILLS = "fills", "Fills"
    CLOSED = "closed", "Closed positions"
    FUNDING = "funding", "Funding"
    LIQUIDATIONS = "liquidations", "Liquidations and ADL"
    TRANSFERS = "transfers", "Transfers"
    SETTLEMENTS = "settlements", "Settlements"


_SIDES = {"buy": kernel.BUY, "sell": kernel.SELL}
_STATES = {"filled": kernel.STATE_FILLED, "cancelled": kernel.STATE_CANCELLED}
_BILLS: dict[str, dict[str, int]] = {
    tab: {name: kernel.BILL_KINDS[name] for name in names}
    for tab, names in (
        (Tab.CLOSED, ("realised", "liquidation", "adl", "settlement")),
        (Tab.FUNDING, ("funding",)),
        (Tab.LIQUIDATIONS, ("liquidation", "adl", "collateral")),
        (Tab.SETTLEMENTS, ("settlement",)),
    )
}
#: What each list can be narrowed to.
KINDS: dict[str, tuple[str, ...]] = {
    Tab.ORDERS: tuple(_STATES),
    Tab.FILLS: tuple(_SIDES),
    Tab.TRANSFERS: tuple(Direction.values),
    **{tab: tuple(names) if len(names) > 1 else () for tab, names in _BILLS.items()},
}


class Place(NamedTuple):
    """Where a row stands: newest is highest."""

    time_ms: int
    account: int
    identity: int
    part: int

    @property
    def cursor(self) -> str:
        """As an address carries it."""
        return "-".join(map(str, self))


def place_of(cursor: str) -> Place | None:
    """The place a cursor names; ``None`` for the start of the list, and for anything that is no cursor."""
    found = _CURSOR.fullmatch(cursor)
    return Place(*map(int, found.groups())) if found else None


@dataclass(frozen=True)
class Filter:
    """What is wanted of a list: a venue's address, a market's symbol, one of ``KINDS``, times inclusive in ms."""

    venue: str = ""
    market: str = ""
    kind: str = ""
    begin_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True)
class Row:
    """One row; ``traded`` is ``None`` if the venue does not list the ``market`` (its number, -1 for none)."""

    place: Place
    venue_name: str
    venue_slug: str
    market: int
    traded: Instrument | None
    item: Order | Fill | Bill | Transfer

    @property
    def market_name(self) -> str:
        """The market's symbol, its number if it is not listed, nothing where none is meant."""
        if self.traded is not None:
            return self.traded.symbol
        return f"market {self.market}" if self.market >= 0 else ""


@dataclass(frozen=True)
class Source:
    """A user's account at one venue, and the venue's instruments by number."""

    account: TradingAccount
    instruments: Mapping[int, Instrument]
    live: bool = False  # whether the kernel is asked for what it alone remembers

    def numbers(self, symbol: str) -> set[int]:
        """Numbers of the markets that a symbol, or ``market N``, names."""
        found = {number for number, each in self.instruments.items() if each.symbol == symbol.upper()}
        unlisted = re.fullmatch(r"market ([0-9]{1,9})", symbol.lower())
        return found | ({int(unlisted[1])} - self.instruments.keys() if unlisted else set())

    def row(self, market: int, time_ms: int, identity: int, part: int, item: Any) -> Row:
        """A row of this account."""
        place = Place(time_ms, self.account.pk, identity, part)
        venue = self.account.venue
        return Row(place, venue.name, venue.slug, market, self.instruments.get(market), item)

    def latest(self, wanted: Filter, before: Place | None) -> tuple[int | None, int | None]:
        """Last time and last id, both inclusive, of this account's rows that can stand before ``before``."""
        if before is None:
            return wanted.end_ms, None
        mine = before.account == self.account.pk
        end = before.time_ms if self.account.pk <= before.account else before.time_ms - 1
        return end if wanted.end_ms is None else min(end, wanted.end_ms), before.identity if mine else None


def sources(user_id: int, venue: str = "", *, live: bool = False) -> list[Source]:
    """The user's accounts, of one venue if given; ``live`` ones have the orders cancelled untouched too, as long as the
    kernels remember them."""
    accounts = TradingAccount.objects.select_related("venue").filter(user_id=user_id).order_by("pk")
    if venue:
        accounts = accounts.filter(venue__slug=venue)
    return [Source(each, {one.number: one for one in instruments_of(each.venue)}, live) for each in accounts]


def history_page(
    tab: str, wanted: Filter, own: list[Source], before: Place | None = None, limit: int = PAGE_ROWS
) -> tuple[list[Row], Place | None]:
    """Up to ``limit`` rows of a list before a place, newest first, and the place to go on from if there are more."""
    read = _READERS.get(tab, _bill_rows)
    found: list[Row] = []
    for source in own:
        numbers = source.numbers(wanted.market) if wanted.market else None
        if numbers is None or numbers:
            rows = read(tab, source, wanted, numbers, before, limit + 1 + _TIED)
            found += [row for row in rows if before is None or row.place < before]
    found.sort(key=lambda row: row.place, reverse=True)
    more = len(found) > limit
    return found[:limit], found[limit - 1].place if more else None


def every_row(tab: str, wanted: Filter, own: list[Source], page: int) -> Iterator[Row]:
    """The whole list, read ``page`` rows at a time."""
    before: Place | None = None
    while True:
        rows, before = history_page(tab, wanted, own, before, page)
        yield from rows
        if before is None:
            return


def _fill_rows(
    tab: str, source: Source, wanted: Filter, numbers: set[int] | None, before: Place | None, limit: int
) -> list[Row]:
    end_ms, last = source.latest(wanted, before)
    side = _SIDES.get(wanted.kind)
    span = Span(None if last is None else last + 1, None, wanted.begin_ms, end_ms)

    def asked(fill: Fill) -> bool:
        return (numbers is None or fill.market in numbers) and side in (None, fill.side)

    rows = fills(source.account.venue.group_id, source.account.number, span, limit, asked)
    return [source.row(each.market, each.time_ms, each.trade_id, each.role, each) for each in rows]


def _order_rows(
    tab: str, source: Source, wanted: Filter, numbers: set[int] | None, before: Place | None, limit: int
) -> list[Row]:
    end_ms, last = source.latest(wanted, before)
    rows = stored_orders(source.account.venue.group_id, source.account.number)
    bounds = {
        "order_id__lte": last,
        "created_ms__gte": wanted.begin_ms,
        "created_ms__lte": end_ms,
        "market__in": numbers,
        "state": _STATES.get(wanted.kind),
    }
    rows = rows.filter(**{name: value for name, value in bounds.items() if value is not None})
    found = {each.order_id: each for each in map(order_of_history, rows.order_by("-order_id")[:limit])}
    if source.live and wanted.kind != "filled":
        span = Window(limit, None if last is None else last + 1, begin_ms=wanted.begin_ms, end_ms=end_ms)
        for each in untouched_orders(source.account, numbers, span):
            found.setdefault(each.order_id, each)
    newest = sorted(found.values(), key=lambda order: order.order_id, reverse=True)[:limit]
    return [source.row(each.market, each.created_ms, each.order_id, 0, each) for each in newest]


def _bill_rows(
    tab: str, source: Source, wanted: Filter, numbers: set[int] | None, before: Place | None, limit: int
) -> list[Row]:
    end_ms, last = source.latest(wanted, before)
    kinds = _BILLS.get(tab, kernel.BILL_KINDS)
    rows = Bill.objects.filter(group_id=source.account.venue.group_id, account=source.account.number)
    bounds = {
        "sequence__lte": last,
        "time_ms__gte": wanted.begin_ms,
        "time_ms__lte": end_ms,
        "market__in": numbers,
        "kind__in": [kinds[wanted.kind]] if wanted.kind in kinds else list(kinds.values()),
    }
    rows = rows.filter(**{name: value for name, value in bounds.items() if value is not None})
    if before is not None and last is not None:  # one command may write many bills
        rows = rows.exclude(sequence=last, bill_no__gte=before.part)
    made = rows.order_by("-sequence", "-bill_no")[:limit]
    return [source.row(each.market, each.time_ms, each.sequence, each.bill_no, each) for each in made]


def _transfer_rows(
    tab: str, source: Source, wanted: Filter, numbers: set[int] | None, before: Place | None, limit: int
) -> list[Row]:
    if numbers is not None:
        return []  # a transfer belongs to no market
    end_ms, last = source.latest(wanted, before)
    account = source.account
    rows = Transfer.objects.filter(user_id=account.user_id, group_id=account.venue.group_id)
    bounds = {
        "issued_ms__gte": wanted.begin_ms,
        "issued_ms__lte": end_ms,
        "direction": wanted.kind or None,
    }
    rows = rows.filter(**{name: value for name, value in bounds.items() if value is not None})
    if before is not None and last is not None:  # ids and times are given by different clocks
        rows = rows.exclude(issued_ms=before.time_ms, pk__gte=last)
    made = rows.select_related("asset").order_by("-issued_ms", "-pk")[:limit]
    return [source.row(-1, each.issued_ms, each.pk, 0, each) for each in made]


_Reader = Callable[[str, Source, Filter, set[int] | None, Place | None, int], list[Row]]
_READERS: dict[str, _Reader] = {
    Tab.ORDERS: _order_rows,
    Tab.FILLS: _fill_rows,
    Tab.TRANSFERS: _transfer_rows,
}


def price_text(row: Row, ticks: int) -> str:
    """A price in the market's own precision; in ticks if the market is not listed."""
    return row.traded.price_text(ticks) if row.traded else f"{ticks} ticks"


def size_text(row: Row, lots: int) -> str:
    """A size in the market's own precision, signed; in lots if the market is not listed."""
    return row.traded.size_text(lots) if row.traded else f"{lots} lots"


def asset_by_number(number: int) -> Asset:
    """The asset a fill was charged in."""
    return next(each for each in listed_assets() if each.pk == number)


def bill_amounts(row: Row) -> tuple[str, str, str]:
    """Amount, fee and their unit of a bill; in smallest units if the market is not listed."""
    bill = cast(Bill, row.item)
    if row.traded is None:
        return str(bill.amount), str(bill.fee), "units"
    quote = row.traded.quote
    return amount_text(bill.amount, quote), amount_text(bill.fee, quote), quote.symbol


def moment_of(row: Row) -> datetime:
    """The row's time, UTC."""
    return datetime.fromtimestamp(row.place.time_ms / 1000, UTC)
