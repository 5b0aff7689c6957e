"""Lines of the private tables: kernel numbers as the texts that templates show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import exchange_kernel as kernel

from exchange_os.engine.models import Bill, Fill
from exchange_os.ledger.selectors import amount_text
from trading.decimals import average_price
from trading.selectors.accounts import Balance
from trading.selectors.orders import Order
from venues.instruments import Instrument

Instruments = Mapping[int, Instrument]

TYPE_NAMES = {kernel.LIMIT: "Limit", kernel.MARKET: "Market"}
TIF_NAMES = {kernel.GTC: "", kernel.GTD: "GTD", kernel.IOC: "IOC", kernel.FOK: "FOK"}


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@dataclass(frozen=True)
class OrderRow:
    """An order as a table shows it; texts, except ``when`` and ``filled_percent``."""

    order_id: int
    symbol: str
    side: str
    kind: str
    price: str
    average: str
    size: str
    filled: str
    filled_percent: int
    base: str
    state: str
    reason: str
    when: datetime


def order_rows(orders: Iterable[Order], instruments: Instruments) -> list[OrderRow]:
    """Orders whose market is known, in their order."""
    return [_order_row(order, instruments[order.market]) for order in orders if order.market in instruments]


def _order_row(order: Order, instrument: Instrument) -> OrderRow:
    kind = " ".join(
        part
        for part in (
            TYPE_NAMES.get(order.order_type, ""),
            "post-only" if order.post_only else _tif_name(order),
        )
        if part
    )
    whole = order.state == kernel.STATE_FILLED
    share = order.filled_lots * 100 // max(1, order.size_lots)
    return OrderRow(
        order_id=order.order_id,
        symbol=instrument.symbol,
        side="buy" if order.side == kernel.BUY else "sell",
        kind=kind,
        price=instrument.price_display(order.price_ticks) if order.order_type == kernel.LIMIT else "",
        average=average_price(order.filled_quote, order.filled_lots, instrument),
        size=instrument.size_text(order.size_lots),
        filled=instrument.size_text(order.filled_lots),
        filled_percent=100 if whole else share,
        base=instrument.size_unit,
        state=_state_name(order),
        reason=kernel.CANCEL_REASONS[order.reason][2] if order.reason in kernel.CANCEL_REASONS else "",
        when=_moment(order.created_ms if order.is_open else order.closed_ms or order.created_ms),
    )


def _tif_name(order: Order) -> str:
    return "" if order.order_type == kernel.MARKET else TIF_NAMES.get(order.tif, "")


def _state_name(order: Order) -> str:
    if order.state == kernel.STATE_FILLED:
        return "Filled"
    if order.is_open:
        return "Open"
    return "Partly filled" if order.filled_lots else "Cancelled"


@dataclass(frozen=True)
class FillRow:
    """A fill as a table shows it."""

    trade_id: int
    symbol: str
    side: str
    role: str
    price: str
    size: str
    base: str
    value: str
    fee: str
    quote: str
    when: datetime


def fill_rows(fills: Iterable[Fill], instruments: Instruments) -> list[FillRow]:
    """Fills whose market is known, in their order; a fee below zero is a rebate."""
    rows = []
    for fill in fills:
        instrument = instruments.get(fill.market)
        if instrument is None:
            continue
        rows.append(
            FillRow(
                trade_id=fill.trade_id,
                symbol=instrument.symbol,
                side="buy" if fill.side == kernel.BUY else "sell",
                role="taker" if fill.role else "maker",
                price=instrument.price_display(fill.price_ticks),
                size=instrument.size_text(fill.size_lots),
                base=instrument.size_unit,
                value=amount_text(fill.notional, instrument.quote),
                fee=amount_text(fill.fee, instrument.quote),
                quote=instrument.quote.symbol,
                when=_moment(fill.time_ms),
            )
        )
    return rows


@dataclass(frozen=True)
class BalanceRow:
    """A balance at a venue as a table shows it."""

    symbol: str
    name: str
    total: str
    free: str
    held: str


def balance_rows(balances: Iterable[Balance]) -> list[BalanceRow]:
    """Balances above zero by symbol."""
    return [
        BalanceRow(
            symbol=row.asset.symbol,
            name=row.asset.name,
            total=amount_text(row.total, row.asset),
            free=amount_text(row.free, row.asset),
            held=amount_text(row.held, row.asset),
        )
        for row in sorted(balances, key=lambda row: row.asset.symbol)
        if row.total
    ]


def percent_text(ppm: int) -> str:
    """Parts per million as per cent, such as ``0.05%``."""
    whole, rest = divmod(abs(ppm), 10_000)
    digits = f"{whole}.{rest:04d}".rstrip("0").rstrip(".")
    return f"{'-' if ppm < 0 else ''}{digits}%"


def about_order(order_id: int) -> str:
    """What toasts about one order are about."""
    return f"order-{order_id}"


def about_algo(algo_id: int) -> str:
    """What toasts about one conditional order are about."""
    return f"algo-{algo_id}"


@dataclass(frozen=True)
class FundingRow:
    """One payment of funding; ``gain`` is its sign, positive when it was received."""

    identity: str
    symbol: str
    long: bool
    size: str
    unit: str
    amount: str
    gain: int
    quote: str
    when: datetime


def funding_rows(bills: Iterable[Bill], instruments: Instruments) -> list[FundingRow]:
    """Funding of markets that are known, in its order."""
    rows = []
    for bill in bills:
        instrument = instruments.get(bill.market)
        if instrument is None:
            continue
        rows.append(
            FundingRow(
                identity=f"{bill.sequence}-{bill.bill_no}",
                symbol=instrument.symbol,
                long=bill.lots > 0,
                size=instrument.size_text(abs(bill.lots)),
                unit=instrument.size_unit,
                amount=amount_text(bill.amount, instrument.quote),
                gain=(bill.amount > 0) - (bill.amount < 0),
                quote=instrument.quote.symbol,
                when=_moment(bill.time_ms),
            )
        )
    return rows


def ladder(levels: Sequence[Sequence[int]], instrument: Instrument) -> list[tuple[str, str, str]]:
    """Price, size and the sum so far of each level ``(price_ticks, lots, …)``, best first."""
    rows, total = [], 0
    for price, lots, *_ in levels:
        total += lots
        rows.append(
            (
                instrument.price_display(price),
                instrument.size_display(lots),
                instrument.size_display(total),
            )
        )
    return rows


def tape_rows(
    trades: Iterable[Sequence[int]], instrument: Instrument
) -> list[tuple[str, str, bool, datetime]]:
    """Price, size, whether the taker bought, and when, of public trades."""
    return [
        (instrument.price_display(price), instrument.size_display(lots), side == kernel.BUY, _moment(time_ms))
        for _, price, lots, side, time_ms in trades
    ]
