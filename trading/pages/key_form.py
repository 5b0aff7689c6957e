"""The form of an API key, its presets, and what it allows in plain words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import decimal_text
from exchange_os.ui.tags import grouped
from trading.models import ApiKey, Permission
from trading.services.mandates import KeyLimits, limits_of, mandate_of, quote_of
from venues.models import Venue
from venues.selectors import live_venues

KEEP = "keep"
LIFETIMES = (("", "Until revoked"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"))
PERMISSIONS = (
    (Permission.TRADE.value, "Trade: place, amend and cancel orders"),
    (Permission.WITHDRAW.value, "Withdraw: move funds to your wallet"),
)
GRACES = (("0", "End now"), ("1", "1 hour"), ("24", "1 day"), ("168", "7 days"))
PRESETS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("read", "Read only", "Balances, orders and history. Moves nothing.", {"permissions": []}),
    (
        "maker",
        "Market maker",
        "Trades in every market, up to 200 commands a second, for 90 days.",
        {"label": "market maker", "permissions": [Permission.TRADE.value], "lifetime": "90", "rate": 200},
    ),
    (
        "agent",
        "Agent with a budget",
        "Small orders, a bounded loss a day, ends after 30 days.",
        {
            "label": "agent",
            "permissions": [Permission.TRADE.value],
            "lifetime": "30",
            "order_value": 100,
            "position_value": 500,
            "daily_loss": 50,
            "leverage": 2,
            "rate": 5,
        },
    ),
)
LIMIT_FIELDS = ("markets", "order_value", "position_value", "daily_loss", "leverage", "rate")


class KeyForm(forms.Form):
    """What a key may do and from where."""

    venue = forms.ChoiceField(label="Venue")
    label = forms.CharField(
        label="Label", max_length=40, required=False, help_text="To tell your keys apart."
    )
    permissions = forms.MultipleChoiceField(
        label="Beyond reading", choices=PERMISSIONS, required=False, widget=forms.CheckboxSelectMultiple
    )
    allowed_ips = forms.CharField(
        label="Allowed addresses",
        required=False,
        max_length=600,
        help_text="IP addresses or networks, separated by commas. Empty allows any address.",
    )
    lifetime = forms.ChoiceField(label="Valid", choices=LIFETIMES, required=False)
    markets = forms.CharField(
        label="Markets",
        required=False,
        max_length=2000,
        help_text="Symbols, separated by commas. Empty allows all.",
    )
    order_value = forms.DecimalField(
        label="Largest order", required=False, help_text="Worth in the quote asset of the markets."
    )
    position_value = forms.DecimalField(
        label="Largest position", required=False, help_text="What is held and what rests, in the quote asset."
    )
    daily_loss = forms.DecimalField(
        label="Most it may lose a day", required=False,
        help_text="At mark prices; then its orders are cancelled and it may only reduce.",
    )  # fmt: skip
    leverage = forms.IntegerField(label="Highest leverage", required=False, min_value=1)
    rate = forms.IntegerField(
        label="Commands a second", required=False, min_value=1, help_text="Cancels do not count."
    )

    def __init__(self, *args: Any, of: ApiKey | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if of is None:
            self.fields["venue"].choices = [(venue.slug, venue.name) for venue in live_venues()[:500]]  # type: ignore[attr-defined]
            return
        del self.fields["venue"]
        until = f"until {of.expires_at:%-d %b %Y, %H:%M} UTC" if of.expires_at else "until revoked"
        choices = [(KEEP, f"As now: {until}"), *(one for one in LIFETIMES if one[0] or of.expires_at)]
        self.fields["lifetime"].choices = choices  # type: ignore[attr-defined]

    @property
    def has_limits(self) -> bool:
        """Whether a bound is set or refused, so that its part of the form is shown open."""
        return any(self[name].value() or self[name].errors for name in LIMIT_FIELDS)


@dataclass(frozen=True)
class Typed:
    """What a valid form says, as services take it."""

    permissions: list[str]
    label: str
    allowed_ips: list[str]
    expires_at: datetime | None
    limits: KeyLimits


def typed_of(form: KeyForm, of: ApiKey | None = None) -> Typed:
    """A valid form, read; ``of`` is the key that is edited."""
    data = form.cleaned_data
    expires_at = (
        timezone.now() + timedelta(days=int(data["lifetime"])) if data["lifetime"].isdigit() else None
    )
    if data["lifetime"] == KEEP and of is not None:
        expires_at = of.expires_at
    return Typed(
        permissions=data["permissions"],
        label=data["label"],
        allowed_ips=_parts(data["allowed_ips"]),
        expires_at=expires_at,
        limits=KeyLimits(
            markets=tuple(_parts(data["markets"])),
            order_value=data["order_value"],
            position_value=data["position_value"],
            daily_loss=data["daily_loss"],
            leverage=data["leverage"] or 0,
            rate=data["rate"] or 0,
        ),
    )


def initial_of(key: ApiKey) -> dict[str, Any]:
    """A key as its form shows it."""
    limits = limits_of(key)
    amounts = {
        name: decimal_text(value)
        for name in ("order_value", "position_value", "daily_loss")
        if (value := getattr(limits, name)) is not None
    }
    return {
        "label": key.label,
        "permissions": [name for name in key.permissions if name != Permission.READ.value],
        "allowed_ips": ", ".join(key.allowed_ips),
        "lifetime": KEEP,
        "markets": ", ".join(limits.markets),
        "leverage": limits.leverage or None,
        "rate": limits.rate or None,
        **amounts,
    }


def key_words(venue: Venue, typed: Typed) -> list[tuple[str, str]]:
    """What a key allows, as sentences, each with the level of its danger: empty, ``warn`` or ``danger``.

    Errors: those of ``mandate_of``, for bounds that a key could not have.
    """
    limits = typed.limits
    mandate_of(venue, limits)
    lines = [("", f"It reads your account at {venue.name}.")]
    if Permission.TRADE.value in typed.permissions:
        lines += _trading_words(venue, limits)
    else:
        lines.append(("", "It cannot trade."))
    if Permission.WITHDRAW.value in typed.permissions:
        lines.append(("danger", "It moves funds out of the venue to your wallet and asks for withdrawals."))
    else:
        lines.append(("", "It moves no funds out of the venue."))
    if typed.allowed_ips:
        lines.append(("", f"It works from {', '.join(typed.allowed_ips)} only."))
    else:
        lines.append(("warn", "It works from any address: whoever has it can use it."))
    if typed.expires_at is None:
        lines.append(("", "It works until you revoke it."))
    else:
        lines.append(("", f"It ends by itself on {typed.expires_at:%-d %B %Y, %H:%M} UTC."))
    return lines


def _trading_words(venue: Venue, limits: KeyLimits) -> list[tuple[str, str]]:
    symbols = [symbol.upper() for symbol in limits.markets]
    where = f"in {' and '.join(symbols)} only" if symbols else "in every market of the venue"
    lines = [("", f"It places, amends and cancels orders {where}.")]
    unit = quote_of(venue, limits.markets)
    for amount, sentence in (
        (limits.order_value, "No order of it is worth more than {}."),
        (limits.position_value, "What it holds and what rests is worth at most {} in a market."),
        (limits.daily_loss, "Once it has lost {} in a day its orders are cancelled and it may only reduce."),
    ):
        if amount is not None:
            lines.append(("", sentence.format(f"{grouped(decimal_text(amount))} {unit}")))
    if limits.leverage:
        lines.append(("", f"It uses leverage of at most {limits.leverage}×."))
    if limits.rate:
        lines.append(("", f"It sends at most {limits.rate:,} commands a second; cancels do not count."))
    if limits.daily_loss is None and limits.position_value is None:
        lines.append(("warn", "Nothing bounds what it may lose: it can lose all that you hold at the venue."))
    return lines


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


def words_or_refusal(venue: Venue, typed: Typed) -> tuple[list[tuple[str, str]], str]:
    """``key_words`` and no refusal, or none and the reason."""
    try:
        return key_words(venue, typed), ""
    except DomainError as refused:
        return [], refused.message
