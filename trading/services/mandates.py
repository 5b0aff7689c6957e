"""Mandates: what a key may do, told to the kernel, which keeps a key to it whatever door it comes through.

The row of a key is the truth; its mandate goes to the risk group when the key is made or revoked, and again by the
sweeper until the kernel has answered (``mandated_at``). The same key gives the same command, so it may be sent any
number of times.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import to_units
from trading.models import ApiKey, Permission
from venues.models import Market, Phase, Venue
from venues.selectors import markets_of

log = logging.getLogger(__name__)

MAX_MARKETS = 200
MAX_LEVERAGE = 1_000
MAX_RATE = 100_000
RIGHTS = {
    Permission.READ.value: kernel.RIGHT_READ,
    Permission.TRADE.value: kernel.RIGHT_TRADE,
    Permission.WITHDRAW.value: kernel.RIGHT_WITHDRAW,
}
MEMBERS = ("markets", "order_notional", "position_notional", "daily_loss", "leverage", "rate")


@dataclass(frozen=True)
class KeyLimits:
    """Bounds of a key as a person gives them: amounts in the quote asset, ``None`` or 0 for no bound.

    ``markets`` are symbols, empty for all; ``rate`` counts commands a second, cancels apart.
    """

    markets: Sequence[str] = ()
    order_value: Decimal | None = None
    position_value: Decimal | None = None
    daily_loss: Decimal | None = None
    leverage: int = 0
    rate: int = 0


def mandate_of(venue: Venue, limits: KeyLimits) -> dict[str, Any]:
    """``limits`` as the kernel takes them: market numbers and units of the quote asset.

    Errors, at their fields: ``market_unknown``, ``limit_invalid``, those of ``to_units``, and ``quotes_differ`` when
    amounts would be in more than one asset.
    """
    markets = _markets(venue, limits.markets)
    amounts = {
        "order_notional": ("order_value", limits.order_value),
        "position_notional": ("position_value", limits.position_value),
        "daily_loss": ("daily_loss", limits.daily_loss),
    }
    mandate: dict[str, Any] = {"markets": [market.number for market in markets] if limits.markets else []}
    quotes = {market.quote_id: market.quote for market in markets}
    for name, (field, amount) in amounts.items():
        if amount is None:
            continue
        if len(quotes) > 1:
            symbols = " and ".join(sorted(asset.symbol for asset in quotes.values()))
            raise DomainError(
                "quotes_differ",
                f"Amounts would be in {symbols}: name markets that are paid in one asset.",
                field="markets",
            )
        mandate[name] = to_units(amount, next(iter(quotes.values())), field=field)
    for field, value, most in (("leverage", limits.leverage, MAX_LEVERAGE), ("rate", limits.rate, MAX_RATE)):
        if not 0 <= value <= most:
            raise DomainError(
                "limit_invalid", f"Enter a whole number up to {most:,}, or leave it empty.", field=field
            )
        if value:
            mandate[field] = value
    return mandate


def limits_of(key: ApiKey) -> KeyLimits:
    """The bounds of a key as a person gives them: what ``mandate_of`` would make its mandate of."""
    mandate = key.mandate
    known = {market.number: market for market in _markets(key.account.venue, ())}
    named = [known[number] for number in mandate.get("markets", ()) if number in known]
    quote = next((market.quote for market in named or known.values()), None)

    def amount(name: str) -> Decimal | None:
        units = mandate.get(name)
        return Decimal(units).scaleb(-quote.scale) if units and quote else None

    return KeyLimits(
        markets=[market.symbol for market in named],
        order_value=amount("order_notional"),
        position_value=amount("position_notional"),
        daily_loss=amount("daily_loss"),
        leverage=mandate.get("leverage", 0),
        rate=mandate.get("rate", 0),
    )


def quote_of(venue: Venue, symbols: Sequence[str]) -> str:
    """The asset in which a key's amounts are, when these markets are named. Errors: those of ``mandate_of``."""
    return next((market.quote.symbol for market in _markets(venue, symbols)), "")


def _markets(venue: Venue, symbols: Sequence[str]) -> list[Market]:
    known = markets_of(venue).exclude(phase=Phase.PENDING).select_related("quote")
    if not symbols:
        return list(known)
    by_symbol = {market.symbol: market for market in known}
    wanted = [symbol.strip().upper() for symbol in symbols if symbol.strip()]
    unknown = next((symbol for symbol in wanted if symbol not in by_symbol), None)
    if unknown is not None:
        raise DomainError(
            "market_unknown", f"{venue.name} has no market {unknown}.", field="markets", market=unknown
        )
    if len(wanted) > MAX_MARKETS:
        raise DomainError("limit_invalid", f"A key names at most {MAX_MARKETS} markets.", field="markets")
    return [by_symbol[symbol] for symbol in dict.fromkeys(wanted)]


def mandate_frame(key: ApiKey) -> bytes:
    """The command that brings the kernel up to date with a key: its mandate, or its end."""
    account = key.account.number
    if key.revoked_at is not None:
        return kernel.revoke_key(account, key.pk)
    rights = sum(RIGHTS[permission] for permission in key.permissions)
    expires_ms = round(key.expires_at.timestamp() * 1000) if key.expires_at else 0
    terms = {name: key.mandate[name] for name in MEMBERS if key.mandate.get(name)}
    return kernel.set_mandate(account, key.pk, rights=rights, expires_ms=expires_ms, **terms)


def send_mandate(key: ApiKey) -> bool:
    """Put the key's mandate into its group's stream, ahead of whatever the key will send; whether that worked."""
    return client.send(key.account.venue.group_id, mandate_frame(key), 1)


def settle_mandates(limit: int = 200) -> int:
    """Send every mandate the kernel has not answered and wait for its answer; how many are settled now.

    What cannot be answered at present is left for the next call.
    """
    pending = (
        ApiKey.objects.filter(mandated_at=None, account__opened_at__isnull=False)
        .select_related("account__venue")
        .order_by("pk")[:limit]
    )
    settled = 0
    silent: set[int] = set()
    for key in pending:
        group_id = key.account.venue.group_id
        if group_id in silent:
            continue
        try:
            ack = client.submit(group_id, mandate_frame(key))
        except DomainError as away:
            silent.add(group_id)
            log.info("mandate of key %s waits: %s", key.pk, away.message)
            continue
        if ack.code:
            log.error("mandate of key %s refused: %s", key.pk, kernel.REJECTS[ack.code][1])
        revoked = key.revoked_at is not None
        # A key that was edited meanwhile is told again, also because its older terms may have come last.
        rows = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=not revoked, revision=key.revision)
        settled += rows.update(mandated_at=timezone.now())
    return settled
