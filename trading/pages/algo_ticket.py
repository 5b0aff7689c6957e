"""Conditional orders of the ticket: what the form says, as drafts, and the lines of the table of those that wait."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exchange_os.errors import DomainError
from exchange_os.ui.tags import grouped
from trading.selectors.algos import Algo
from trading.services.algos import AlgoDraft, Attached, Distance, Slices, Wait
from venues.instruments import Instrument

PLANS = (
    ("stop", "Stop or take-profit"),
    ("oco", "Take-profit and stop-loss"),
    ("trailing", "Trailing stop"),
    ("iceberg", "Iceberg"),
    ("twap", "TWAP"),
)
PLAN_NAMES = {
    "trigger": "Stop",
    "oco": "TP / SL",
    "trailing": "Trailing stop",
    "iceberg": "Iceberg",
    "twap": "TWAP",
}
MAX_INTERVAL_SECONDS = 3_600
MAX_TRAIL_PERCENT = 50

Data = Mapping[str, Any]
Number = Callable[[str, str, str], Decimal]


def _optional(data: Data, name: str, number: Number) -> Decimal | None:
    text = data.get(name) or ""
    return number(text, name, "Enter a price above zero.") if text.strip() else None


def algo_draft(data: Data, client_id: str, number: Number) -> AlgoDraft:
    """The conditional order a valid form describes; ``number`` reads one field or refuses it.

    Errors: ``size_invalid``, ``price_invalid`` and the like, ``plan_incomplete``.
    """
    side, plan = data["side"], data["plan"] or "stop"
    common = {
        "side": side,
        "size": number(data["size"], "size", "Enter an amount above zero."),
        "client_id": client_id,
        "reduce_only": bool(data.get("reduce_only")),
    }
    limit = _optional(data, "order_price", number)
    source = data.get("source") or "last"
    if plan == "stop":
        at = number(data["trigger"], "trigger", "Enter the trigger price.")
        return AlgoDraft(**common, trigger=Wait(at, limit, source))
    if plan == "oco":
        legs = _legs(data, ("profit", "stop"), side, number)
        if None in legs:
            missing = "profit" if legs[0] is None else "stop"
            raise DomainError("plan_incomplete", "Enter a take-profit and a stop-loss price.", field=missing)
        return AlgoDraft(**common, profit=legs[0], stop=legs[1])
    if plan == "trailing":
        percent = number(data["trail"], "trail", "Enter how far the stop stays behind, in percent.")
        if percent > MAX_TRAIL_PERCENT:
            message = f"The stop stays at most {MAX_TRAIL_PERCENT}% behind."
            raise DomainError("trail_invalid", message, field="trail")
        return AlgoDraft(**common, trail=Distance(ratio=percent / 100), trail_source=source)
    if limit is None:
        raise DomainError("plan_incomplete", "Enter the worst price of the slices.", field="order_price")
    slice_size = number(data["slice"], "slice", "Enter the amount of one slice.")
    seconds = 0
    if plan == "twap":
        seconds = int(number(data["interval"], "interval", "Enter the seconds between two slices."))
        if not 1 <= seconds <= MAX_INTERVAL_SECONDS:
            message = f"The interval is 1 to {MAX_INTERVAL_SECONDS} seconds."
            raise DomainError("interval_invalid", message, field="interval")
    return AlgoDraft(**common, slices=Slices(limit, slice_size, interval_ms=seconds * 1000))


def _legs(data: Data, names: tuple[str, str], side: str, number: Number) -> tuple[Wait | None, Wait | None]:
    """Market orders on ``side`` at the take-profit and the stop-loss price of the two fields ``names``."""
    source = data.get("source") or "last"

    def leg(name: str, rises: bool) -> Wait | None:
        price = _optional(data, name, number)
        return Wait(price, source=source, rises=rises) if price is not None else None

    return leg(names[0], side == "sell"), leg(names[1], side == "buy")


def attached(data: Data, number: Number) -> Attached | None:
    """What hangs on an order of the ticket; ``None`` if neither price is given."""
    closing = "sell" if data["side"] == "buy" else "buy"
    profit, stop = _legs(data, ("take_profit", "stop_loss"), closing, number)
    return Attached(profit, stop) if profit or stop else None


def protection(data: Data, long: bool, client_id: str, number: Number) -> AlgoDraft:
    """A take-profit, a stop-loss or both for a whole position. Errors: ``plan_incomplete`` and bad prices."""
    side = "sell" if long else "buy"
    profit, stop = _legs(data, ("take_profit", "stop_loss"), side, number)
    if profit is None and stop is None:
        message = "Enter a take-profit price, a stop-loss price, or both."
        raise DomainError("plan_incomplete", message, field="take_profit")
    return AlgoDraft(side=side, size=None, profit=profit, stop=stop, reduce_only=True, client_id=client_id)


@dataclass(frozen=True)
class AlgoRow:
    """A conditional order as the table shows it; texts."""

    algo_id: int
    symbol: str
    side: str
    kind: str
    when: str
    size: str
    base: str
    state: str
    trigger: str = ""


def algo_rows(algos: Iterable[Algo], instruments: Mapping[int, Instrument]) -> list[AlgoRow]:
    """Conditional orders whose market is known, in their order."""
    return [_row(algo, instruments[algo.market]) for algo in algos if algo.market in instruments]


def _row(algo: Algo, instrument: Instrument) -> AlgoRow:
    return AlgoRow(
        algo_id=algo.algo_id,
        symbol=instrument.symbol,
        side="sell" if algo.side else "buy",
        kind=PLAN_NAMES[algo.kind],
        when=_condition(algo, instrument),
        size="All" if algo.whole_position else instrument.size_text(algo.size_lots),
        base=instrument.size_unit,
        trigger=instrument.price_display(algo.legs[0][0]) if algo.legs[0][0] else "",
        state="Waits for its order"
        if algo.state == "waiting"
        else f"{instrument.size_text(algo.done_lots)} done"
        if algo.done_lots
        else "Waiting",
    )


def _condition(algo: Algo, instrument: Instrument) -> str:
    """What it waits for, in one phrase."""

    def price(ticks: int) -> str:
        return grouped(instrument.price_display(ticks))

    if algo.kind == "trailing":
        distance = f"{algo.distance_ppm / 10_000:g}%" if algo.distance_ppm else price(algo.distance_ticks)
        return f"{distance} behind {price(algo.best_ticks)}" if algo.best_ticks else f"{distance} behind"
    if algo.kind in ("iceberg", "twap"):
        every = f" every {algo.interval_ms // 1000} s" if algo.interval_ms else ""
        return f"{instrument.size_text(algo.slice_lots)} at a time{every}, limit {price(algo.legs[0][1])}"
    sign = {True: "≥", False: "≤"}
    return " or ".join(
        f"{sign[bool(rises)]} {price(trigger)}" for trigger, _, _, rises in algo.legs if trigger
    )
