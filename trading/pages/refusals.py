"""Refusals on the terminal: the rule in this market's numbers, the remedy, and the field it stands at."""

from dataclasses import dataclass

from exchange_os.errors import DomainError
from trading.services.orders import OrderDraft, OrderRefused
from venues.instruments import Instrument


@dataclass(frozen=True)
class Refusal:
    """One sentence or two, and the name of the ticket's field they are about; empty for the whole order. ``access`` if
    the venue's policy refuses, so that its page tells more."""

    text: str
    field: str = ""
    access: bool = False


#: The field of the ticket each refusal of the kernel is about; others are about the whole order.
FIELDS = {
    "risk_price_band": "price",
    "input_price": "price",
    "risk_insufficient_balance": "size",
    "risk_margin": "size",
    "risk_min_notional": "size",
    "risk_position_limit": "size",
    "risk_open_interest": "size",
    "risk_capacity": "size",
    "risk_reduce_only": "size",
    "input_size": "size",
    "input_overflow": "size",
    "input_slice": "slice",
    "input_interval": "interval",
    "input_trailing": "trail",
    "input_trigger": "trigger",
    "state_trigger_passed": "trigger",
    "state_no_price": "trigger",
    "input_expiry": "expires",
    "matching_below_filled": "size",
}


def remedy(code: str, instrument: Instrument, draft: OrderDraft | None = None) -> str:
    """What to do about a refusal of the kernel; empty where its sentence says all."""
    base, quote = instrument.size_unit, instrument.quote.symbol
    spends = quote if draft is None or draft.side == "buy" or instrument.is_contract else base
    remedies = {
        "risk_insufficient_balance": f"Lower the amount, cancel an order, or transfer more {spends} here.",
        "risk_margin": f"Lower the amount, raise the leverage, or transfer more {quote} here.",
        "risk_price_band": f"This market takes prices within {instrument.band_ppm / 10_000:g}% of the last one.",
        "risk_min_notional": "Raise the amount.",
        "risk_reduce_only": "Lower the amount to what you hold, or switch reduce-only off.",
        "risk_no_position": "Open a position first, or switch reduce-only off.",
        "risk_leverage": "Choose a lower leverage.",
        "risk_position_limit": "Lower the amount or the leverage.",
        "risk_open_interest": "Lower the amount, or close instead of opening.",
        "risk_capacity": "Orders that close a position still pass.",
        "risk_margin_mode": "Close the position and cancel the orders of this market first.",
        "risk_price_grade": "Orders that close a position still pass; wait until the price sources agree again.",
        "risk_no_price": "Wait for the first price of its sources.",
        "input_size": f"The smallest order is {instrument.size_text(instrument.min_size_lots)} {base}.",
        "input_combination": "Post-only orders rest, so they cannot also be immediate-or-cancel or fill-or-kill.",
        "state_market_phase": "The venue has halted it; open orders can still be cancelled.",
        "state_auction": "Place a limit order that is good till cancelled.",
        "state_too_many_orders": "Cancel some open orders first.",
        "state_duplicate_client_id": "It was placed already; look at the open orders and fills.",
        "matching_no_liquidity": "Place a limit order instead.",
        "matching_order_unknown": "It was filled or cancelled in the meantime.",
        "matching_order_closed": "Nothing is left to cancel.",
        "matching_algo_unknown": "It has fired or was cancelled in the meantime.",
        "state_trigger_passed": "Choose a price on the other side of the last one.",
        "state_no_price": "Wait for the first trade.",
        "state_too_many_algos": "Cancel some of those that wait first.",
        "access_account_unknown": f"Transfer {quote} to this venue first."
        if instrument.is_contract
        else f"Transfer {quote} or {base} to this venue first.",
    }
    return remedies.get(code, "")


def refusal_text(code: str, sentence: str, instrument: Instrument, draft: OrderDraft | None = None) -> str:
    """A refusal of the kernel with the rule in this market's numbers and what to do about it."""
    return " ".join(part for part in (sentence, remedy(code, instrument, draft)) if part)


def refusal_of(code: str, sentence: str, instrument: Instrument, draft: OrderDraft | None = None) -> Refusal:
    """The same, with the field of the ticket it is about."""
    return Refusal(refusal_text(code, sentence, instrument, draft), FIELDS.get(code, ""))


def refusal_of_error(error: DomainError, instrument: Instrument, draft: OrderDraft | None = None) -> Refusal:
    """A refusal by any rule; those that name a field themselves keep it."""
    found = refusal_of(error.code, error.message, instrument, draft)
    text = with_wallet(found.text, error)
    return Refusal(text, error.field or found.field, access=bool(error.details.get("rules")))


def with_wallet(text: str, error: DomainError) -> str:
    """A refusal with what came of automatic funding, where the wallet was asked."""
    return f"{text} {error.details.get('wallet', '')}".strip()


def is_final(error: DomainError) -> bool:
    """Whether the kernel has decided that the order is not placed: what is sent next is another one."""
    return isinstance(error, OrderRefused) and not error.details.get("pending")
