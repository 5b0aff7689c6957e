"""The order ticket: what the form says, what the order would cost, and what came of it."""

import secrets
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel
from django import forms

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ui.tags import grouped
from exchange_os.ui.toasts import Level
from trading.pages.algo_ticket import PLANS, algo_draft, attached
from trading.services.algos import AlgoDraft, Attached
from trading.services.orders import OrderDraft
from venues.instruments import Instrument
from venues.selectors import amount_text

SIDES = (("buy", "Buy"), ("sell", "Sell"))
TYPES = (("limit", "Limit"), ("market", "Market"), ("algo", "Conditional"))
TIMES = (("gtc", "Good till cancelled"), ("ioc", "Immediate or cancel"), ("fok", "Fill or kill"))


class TicketForm(forms.Form):
    """An order as typed. Numbers stay decimals; whether they fit the market's tick and lot is the market's to say."""

    side = forms.ChoiceField(choices=SIDES)
    type = forms.ChoiceField(choices=TYPES)
    price = forms.CharField(required=False, max_length=32)
    size = forms.CharField(required=False, max_length=32)
    tif = forms.ChoiceField(choices=TIMES, required=False)
    post_only = forms.BooleanField(required=False)
    plan = forms.ChoiceField(choices=PLANS, required=False)
    trigger = forms.CharField(required=False, max_length=32)
    order_price = forms.CharField(required=False, max_length=32)
    profit = forms.CharField(required=False, max_length=32)
    stop = forms.CharField(required=False, max_length=32)
    trail = forms.CharField(required=False, max_length=32)
    slice = forms.CharField(required=False, max_length=32)
    interval = forms.CharField(required=False, max_length=32)
    take_profit = forms.CharField(required=False, max_length=32)
    stop_loss = forms.CharField(required=False, max_length=32)
    client_id = forms.RegexField(r"^[A-Za-z0-9]{1,32}$", required=False)

    @staticmethod
    def new_client_id() -> str:
        """A client order id for one order."""
        return f"web{secrets.token_hex(10)}"

    @property
    def is_conditional(self) -> bool:
        """Whether a valid form describes an order that waits or comes in slices."""
        return self.cleaned_data["type"] == "algo"

    def conditional(self) -> AlgoDraft:
        """The conditional order, for a valid form. Errors: those of ``algo_draft``."""
        return algo_draft(
            self.cleaned_data, self.cleaned_data["client_id"] or self.new_client_id(), number_of
        )

    def attached(self) -> Attached | None:
        """What hangs on the order, for a valid form. Errors: ``take_profit_invalid``, ``stop_loss_invalid``."""
        return attached(self.cleaned_data, number_of)

    def draft(self) -> OrderDraft:
        """The order, for a valid form. Errors: ``size_invalid``, ``price_invalid``, ``price_missing``."""
        data = self.cleaned_data
        limit = data["type"] == "limit"
        if limit and not data["price"].strip():
            raise DomainError("price_missing", "Enter the price of the limit order.", field="price")
        post_only = limit and data["post_only"]
        return OrderDraft(
            side=data["side"],
            size=number_of(data["size"], "size", "Enter an amount above zero."),
            order_type=data["type"],
            price=number_of(data["price"], "price", "Enter a price above zero.") if limit else None,
            time_in_force="gtc" if post_only else (data["tif"] or "gtc") if limit else "ioc",
            post_only=post_only,
            client_id=data["client_id"] or self.new_client_id(),
        )


def wallet_amount(text: str) -> Decimal:
    """An amount to transfer as typed. Errors: ``amount_invalid``."""
    return number_of(text, "amount", "Enter an amount above zero, for example 12.5.")


def number_of(text: str, field: str, message: str) -> Decimal:
    """A number above zero as typed, thousands separated or not. Errors: ``<field>_invalid`` with the message."""
    cleaned = text.strip().replace(",", "")
    if not cleaned.replace(".", "", 1).isdigit() or not cleaned.isascii():
        raise DomainError(f"{field}_invalid", message, field=field)
    value = Decimal(cleaned)
    if value <= 0:
        raise DomainError(f"{field}_invalid", message, field=field)
    return value


def preview_of(instrument: Instrument, account: int, draft: OrderDraft) -> dict[str, Any]:
    """What the order would do if sent now, from the kernel, as texts for the ticket.

    Keys: ``value``, ``average``, ``fee``, ``total`` (paid when buying, received when selling), ``refusal`` (sentence
    with its remedy, empty if the order would pass). Errors: those of price and size, and the engine's.
    """
    lots = instrument.to_lots(draft.size)
    ticks = instrument.to_ticks(draft.price) if draft.price is not None else 0
    answer = client.query(
        instrument.group_id,
        {
            "q": "preview",
            "account": account,
            "market": instrument.number,
            "side": kernel.BUY if draft.side == "buy" else kernel.SELL,
            "order_type": kernel.LIMIT if draft.order_type == "limit" else kernel.MARKET,
            "tif": {"gtc": kernel.GTC, "ioc": kernel.IOC, "fok": kernel.FOK}[draft.time_in_force],
            "price_ticks": ticks,
            "size_lots": lots,
            "post_only": draft.post_only,
        },
    )
    name = answer.get("name") or answer.get("error") or ""
    refused = bool(answer.get("code")) or "error" in answer
    resting = answer.get("resting_lots", 0)
    notional = answer.get("notional", 0) + instrument.notional(ticks, resting)
    if refused:
        notional = instrument.notional(ticks, lots)
    fee = answer.get("fee", 0)
    if resting or refused:
        fee = max(fee, -(-notional * max(0, instrument.taker_fee_ppm) // 1_000_000))
    buying = draft.side == "buy"
    average_ppm = answer.get("average_price_ppm", 0)
    would_take = bool(answer.get("would_take"))
    return {
        "value": amount_text(notional, instrument.quote),
        "average": instrument.price_display(round(average_ppm / 1_000_000)) if average_ppm else "",
        "fee": amount_text(fee, instrument.quote),
        "fee_is_bound": bool(resting),
        "total": amount_text(max(0, notional + fee if buying else notional - fee), instrument.quote),
        "buying": buying,
        "fills_now": instrument.size_text(answer.get("filled_lots", 0)) if answer.get("filled_lots") else "",
        "warning": "This order would trade at once, so a post-only order would be cancelled."
        if draft.post_only and would_take and not refused
        else "",
        "refusal": refusal_text(name.lower(), answer.get("message", ""), instrument, draft)
        if refused
        else "",
    }


def refusal_text(code: str, sentence: str, instrument: Instrument, draft: OrderDraft | None = None) -> str:
    """A refusal of the kernel with the rule in this market's numbers and what to do about it."""
    base, quote = instrument.size_unit, instrument.quote.symbol
    spends = quote if draft is None or draft.side == "buy" else base
    remedies = {
        "risk_insufficient_balance": f"Lower the amount, cancel an order, or transfer more {spends} here.",
        "risk_price_band": f"This market takes prices within {instrument.band_ppm / 10_000:g}% of the last one.",
        "risk_min_notional": "Raise the amount.",
        "input_size": f"The smallest order is {instrument.size_text(instrument.min_size_lots)} {base}.",
        "state_market_phase": "The venue has halted it; open orders can still be cancelled.",
        "state_too_many_orders": "Cancel some open orders first.",
        "state_duplicate_client_id": "It was placed already; look at the open orders and fills.",
        "matching_no_liquidity": "Place a limit order instead.",
        "matching_order_unknown": "It was filled or cancelled in the meantime.",
        "matching_order_closed": "Nothing is left to cancel.",
        "state_trigger_passed": "Choose a price on the other side of the last one.",
        "state_no_price": "Wait for the first trade.",
        "state_too_many_algos": "Cancel some of those that wait first.",
        "access_account_unknown": f"Transfer {quote} or {base} to this venue first.",
    }
    return " ".join(part for part in (sentence, remedies.get(code, "")) if part)


def outcome_of(ack: kernel.Ack, draft: OrderDraft, instrument: Instrument) -> tuple[Level, str]:
    """Level and sentence of the toast for an accepted order."""
    verb = "Buy" if draft.side == "buy" else "Sell"
    what = f"{verb} {draft.size.normalize():f} {instrument.size_unit}"
    filled = instrument.size_text(ack.filled_lots)
    if ack.state == kernel.STATE_FILLED:
        return "success", f"Filled: {what}."
    if ack.state == kernel.STATE_OPEN:
        price = "" if draft.price is None else instrument.price_display(instrument.to_ticks(draft.price))
        at = f" at {grouped(price)}" if price else ""
        part = f" {filled} {instrument.size_unit} filled at once." if ack.filled_lots else ""
        return "success", f"Order placed: {what}{at}.{part}"
    reason = kernel.CANCEL_REASONS[ack.reason][2] if ack.reason in kernel.CANCEL_REASONS else ""
    if ack.filled_lots:
        return "warning", f"{what}: {filled} {instrument.size_unit} filled, the rest cancelled. {reason}"
    return "warning", f"{what}: nothing filled, cancelled. {reason}"
