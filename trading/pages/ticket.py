"""The order ticket: what the form says as drafts, and what came of an order."""

import secrets
import time
from decimal import Decimal

import exchange_kernel as kernel
from django import forms

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_words
from exchange_os.ui.tags import grouped
from exchange_os.ui.toasts import Level
from trading.pages.algo_ticket import PLANS, algo_draft, attached
from trading.services.algos import AlgoDraft, Attached
from trading.services.orders import OrderDraft
from venues.instruments import Instrument

SIDES = (("buy", "Buy"), ("sell", "Sell"))
TYPES = (("limit", "Limit"), ("market", "Market"), ("algo", "Conditional"))
TIMES = (
    ("gtc", "Good till cancelled"),
    ("gtd", "Good for a while"),
    ("ioc", "Immediate or cancel"),
    ("fok", "Fill or kill"),
)
SPANS = (
    ("600", "10 minutes"),
    ("3600", "1 hour"),
    ("14400", "4 hours"),
    ("86400", "1 day"),
    ("604800", "7 days"),
)
SOURCES = (("last", "Last price"), ("mark", "Mark price"))


class TicketForm(forms.Form):
    """An order as typed. Numbers stay decimals; whether they fit the market's tick and lot is the market's to say."""

    side = forms.ChoiceField(choices=SIDES)
    type = forms.ChoiceField(choices=TYPES)
    price = forms.CharField(required=False, max_length=32)
    size = forms.CharField(required=False, max_length=32)
    tif = forms.ChoiceField(choices=TIMES, required=False)
    expires = forms.ChoiceField(choices=SPANS, required=False)
    post_only = forms.BooleanField(required=False)
    reduce_only = forms.BooleanField(required=False)
    source = forms.ChoiceField(choices=SOURCES, required=False)
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
        time_in_force = "gtc" if post_only else (data["tif"] or "gtc") if limit else "ioc"
        seconds = int(data["expires"] or SPANS[0][0]) if time_in_force == "gtd" else 0
        return OrderDraft(
            side=data["side"],
            size=number_of(data["size"], "size", "Enter an amount above zero."),
            order_type=data["type"],
            price=number_of(data["price"], "price", "Enter a price above zero.") if limit else None,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=data["reduce_only"],
            expires_ms=time.time_ns() // 1_000_000 + seconds * 1000 if seconds else 0,
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


def drawn_sentence(units: int, asset: Asset) -> str:
    """What came from the wallet for an order; empty if nothing did."""
    return f"{amount_words(units, asset)} came from your wallet." if units else ""


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
