"""What the private socket says of an account's events: one sentence for each order, however many events it took."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine.models import Fill
from exchange_os.ledger.selectors import amount_text
from exchange_os.ui.tags import grouped
from trading.pages.algo_ticket import PLAN_NAMES
from trading.pages.rows import Instruments, about_algo, about_order, average_price
from venues.instruments import Instrument

Event = Mapping[str, Any]
Note = dict[str, str]  # level, text, about
AT_ONCE = 3
BY_ITS_OWNER = ("user", "mass_cancel")


def notes_of(events: Iterable[Event], instruments: Instruments) -> list[Note]:
    """Toasts about events as ``decode_events`` gives them: fills of any order, and for orders placed on pages also that
    they rest or ended. Many at once are told as a number."""
    rows = [event for event in events if event.get("market") in instruments]
    fills = [_note("success", text, about) for about, text in fill_sentences(rows, instruments)]
    others = [note for event in rows if (note := _note_of(event, instruments[event["market"]]))]
    return _few(fills, "fills") + _few(others, "changes of your orders")


def missed_fills(fills: Sequence[Fill], instruments: Instruments) -> list[Note]:
    """Toasts about stored fills that happened while the page was away, oldest first."""
    rows = [
        {
            "kind": "fill",
            "order_id": fill.order_id,
            "market": fill.market,
            "side": fill.side,
            "state": kernel.STATE_FILLED,
            "fill_size_lots": fill.size_lots,
            "fill_notional": fill.notional,
        }
        for fill in reversed(fills)
    ]
    notes = [_note("success", text, about) for about, text in fill_sentences(rows, instruments)]
    return _few(notes, "fills")


def _note(level: str, text: str, about: str) -> Note:
    return {"level": level, "text": text, "about": about}


def _few(notes: list[Note], what: str) -> list[Note]:
    if len(notes) <= AT_ONCE:
        return notes
    rest = len(notes) - AT_ONCE + 1
    return [*notes[: AT_ONCE - 1], _note("info", f"And {rest} more {what}.", f"more-{what}")]


def fill_sentences(events: Iterable[Event], instruments: Instruments) -> list[tuple[str, str]]:
    """What it is about and one sentence, for each order that was filled, however many fills it took."""
    orders: dict[int, tuple[Event, int, int]] = {}
    for event in events:
        if event["kind"] != "fill":
            continue
        _, lots, quote = orders.get(event["order_id"], (event, 0, 0))
        orders[event["order_id"]] = (event, lots + event["fill_size_lots"], quote + event["fill_notional"])
    sentences = []
    for event, lots, quote in orders.values():
        instrument = instruments.get(event["market"])
        if instrument is None:
            continue
        verb = "Bought" if event["side"] == kernel.BUY else "Sold"
        whole = "" if event["state"] == kernel.STATE_FILLED else " (part of the order)"
        price = grouped(average_price(quote, lots, instrument))
        what = f"{instrument.size_text(lots)} {instrument.size_unit}"
        sentences.append((about_order(event["order_id"]), f"{verb} {what} at {price}{whole}."))
    return sentences


def _note_of(event: Event, instrument: Instrument) -> Note | None:
    tell = {
        "order": _of_order,
        "algo": _of_algo,
        "liquidation": _of_liquidation,
        "adl": _of_deleveraging,
        "settlement": _of_settlement,
    }.get(event["kind"])
    return tell(event, instrument) if tell else None


def _of_order(event: Event, instrument: Instrument) -> Note | None:
    """An order that rests, or that ended unfilled. Orders of API keys are their program's to tell."""
    about = about_order(event["order_id"])
    what = f"{'Buy' if event['side'] == kernel.BUY else 'Sell'} {instrument.size_text(event['size_lots'])}"
    at = f" at {grouped(instrument.price_display(event['price_ticks']))}" if event["price_ticks"] else ""
    order = f"{what} {instrument.size_unit}{at}"
    if event["state"] == kernel.STATE_CANCELLED:
        name, _, why = kernel.CANCEL_REASONS.get(event["reason"], ("", "", ""))
        if name in BY_ITS_OWNER:
            return None if event["key"] else _note("success", f"Order cancelled: {order}.", about)
        return _note("warning", f"Order ended: {order}. {why}", about)
    if event["state"] == kernel.STATE_OPEN and not event["key"] and not event["filled_lots"]:
        # An order that rests in the batch it came with was placed; later, it was changed.
        done = "changed" if event["time_ms"] > event["created_ms"] else "placed"
        return _note("success", f"Order {done}: {order}.", about)
    return None


def _of_algo(event: Event, instrument: Instrument) -> Note | None:
    state, name = kernel.ALGO_STATES[event["state"]], PLAN_NAMES[kernel.ALGO_KINDS[event["algo_kind"]]]
    about = about_algo(event["algo_id"])
    if state == "effective":
        return _note("info", f"{name} of {instrument.symbol} fired.", about)
    if state == "failed":
        sentence = kernel.REJECTS.get(event.get("code", 0), ("", ""))[1]
        return _note("error", f"{name} of {instrument.symbol} failed: {sentence}", about)
    return None


def _of_liquidation(event: Event, instrument: Instrument) -> Note:
    size = instrument.size_text(abs(event["lots"]))
    price = grouped(instrument.price_display(event["price_ticks"]))
    text = f"Liquidated: {size} {instrument.size_unit} of {instrument.symbol} at {price}."
    return _note("error", text, f"liquidation-{event['number']}")


def _of_deleveraging(event: Event, instrument: Instrument) -> Note:
    size = instrument.size_text(abs(event["lots"]))
    price = grouped(instrument.price_display(event["price_ticks"]))
    text = f"Auto-deleveraged (rank {event['rank']}): {size} {instrument.size_unit} of {instrument.symbol} at {price}."
    return _note("warning", text, f"adl-{event['number']}")


def _of_settlement(event: Event, instrument: Instrument) -> Note:
    amount = grouped(amount_text(event["amount"], instrument.quote))
    name = instrument.outcome_name or instrument.symbol
    return _note(
        "info", f"{name} was settled: {amount} {instrument.quote.symbol}.", f"settled-{instrument.symbol}"
    )
