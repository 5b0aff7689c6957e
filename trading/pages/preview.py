"""What the order in the ticket would do, as the texts the ticket shows before anything is sent."""

from typing import Any

from exchange_os.ledger.selectors import amount_text
from exchange_os.ui.tags import grouped
from trading.pages.refusals import Refusal, refusal_of
from trading.pages.rows import percent_text
from trading.selectors.catalogue import tradable_market
from trading.services.algos import AlgoDraft
from trading.services.orders import OrderDraft
from trading.services.previews import Preview, preview_order
from venues.instruments import Instrument
from venues.models import Market, MarketKind

POST_ONLY_TAKES = "This order would trade at once, so a post-only order would be cancelled."


def preview_context(account: int, market: Market, draft: OrderDraft) -> dict[str, Any]:
    """The order of account number ``account`` as lines of (label, text, tone), with ``note`` or ``refusal``.

    Errors: those of price and size, and the engine's.
    """
    tradable = tradable_market(market)
    traded = tradable.instrument
    seen = preview_order(account, tradable, draft)
    value, fee = seen.notional + seen.rest_notional, seen.fee + seen.rest_fee
    lines = [("Order value", _money(value, traded), "")]
    if seen.average_ticks:
        lines.append(("Average price", _average(seen, traded), ""))
    if seen.slippage_ppm:
        tone = "warn" if seen.slippage_ppm > 5_000 else ""
        lines.append(("Slippage from mid", percent_text(round(seen.slippage_ppm, -1) or 10), tone))
    lines.append(("Fee, at most" if seen.rest_notional else "Fee", _money(fee, traded), ""))
    if market.kind == MarketKind.PERPETUAL:
        lines += _margin_lines(seen, traded)
    elif market.kind == MarketKind.OUTCOME and draft.side == "sell":
        lots = seen.filled_lots + seen.resting_lots
        cover = max(0, traded.notional(traded.payout_ticks, lots) - value + fee)
        lines.append(("Cover, less what closes a position", _money(cover, traded), "strong"))
    else:
        buying = draft.side == "buy"
        total = value + fee if buying else max(0, value - fee)
        lines.append(("You pay" if buying else "You receive", _money(total, traded), "strong"))
    return {"lines": lines, **_remarks(seen, traded, draft)}


def waiting_context(market: Market, draft: AlgoDraft) -> dict[str, Any]:
    """A conditional order: what it would be worth where it fires; its money is asked for only then."""
    tradable = tradable_market(market)
    traded = tradable.instrument
    wait = draft.trigger or draft.profit or draft.stop
    price = (wait.price or wait.trigger) if wait else draft.slices.limit if draft.slices else None
    lines = []
    if price is not None and draft.size is not None:
        value = traded.notional(tradable.to_ticks(price), tradable.to_lots(draft.size))
        fee = -(-value * max(0, traded.taker_fee_ppm) // 1_000_000)
        lines = [
            ("Value where it fires", _money(value, traded), ""),
            ("Fee, at most", _money(fee, traded), ""),
        ]
    note = "Nothing is held while it waits: balance and margin are checked when it fires."
    return {"lines": lines, "note": note}


def _margin_lines(seen: Preview, traded: Instrument) -> list[tuple[str, str, str]]:
    lines = []
    if seen.margin is not None:
        label = "Margin needed, about" if seen.margin_is_bound else "Margin needed"
        lines.append((label, _money(seen.margin, traded), "strong"))
    if seen.margin_is_bound:
        return lines
    position = seen.position
    liquidation = position.liquidation_ticks if position and position.lots else 0
    shown = grouped(traded.price_display(liquidation)) if liquidation else "None"
    lines.append(("Liquidation price", shown, "warn" if liquidation else ""))
    tone = "warn" if seen.used_percent >= 50 else ""
    lines.append(("Free margin after", _money(seen.free_after, traded), tone))
    return lines


def _remarks(seen: Preview, traded: Instrument, draft: OrderDraft) -> dict[str, Any]:
    if seen.code:
        refusal: Refusal = refusal_of(seen.code, seen.message, traded, draft)
        return {"refusal": refusal.text}
    if draft.post_only and seen.would_take:
        return {"warning": POST_ONLY_TAKES}
    if not seen.filled_lots:
        return (
            {"note": "It would rest in the book."}
            if seen.resting_lots
            else {"warning": "Nothing would fill."}
        )
    filled = f"{traded.size_text(seen.filled_lots)} {traded.size_unit}"
    rest = f", {traded.size_text(seen.resting_lots)} would rest" if seen.resting_lots else ""
    return {"note": f"{filled} would fill at once{rest}."}


def _average(seen: Preview, traded: Instrument) -> str:
    price = traded.price(1) * seen.average_ticks
    return grouped(format(round(price, traded.price_scale), f".{traded.price_scale}f"))


def _money(units: int, traded: Instrument) -> str:
    return f"{grouped(amount_text(units, traded.quote))} {traded.quote.symbol}"
