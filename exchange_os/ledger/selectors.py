"""What the ledger answers: balances, histories, and amounts as text."""

import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import (
    AccountKind,
    Asset,
    Entry,
    LedgerAccount,
    PostingKind,
    ReleaseState,
    StakeHold,
    StakeRelease,
    Transfer,
    TransferState,
    Withdrawal,
)

MAX_UNITS = 2**63 - 1
DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
DECIMAL_CHARACTERS = 40


def read_decimal(text: str | Decimal) -> Decimal | None:
    """A plain decimal number of at most 40 characters and a two-digit exponent; ``None`` for anything else."""
    found = str(text).strip()
    return Decimal(found) if len(found) <= DECIMAL_CHARACTERS and DECIMAL.fullmatch(found) else None


def decimal_text(value: Decimal) -> str:
    """``value`` in canonical form: no exponent, no trailing zeros, no plus sign, ``0`` for any zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def amount_text(units: int, asset: Asset) -> str:
    """Whole units of ``asset`` as a canonical decimal: ``amount_text(1500000, usd) == "1.5"`` at scale 6."""
    return decimal_text(Decimal(units).scaleb(-asset.scale))


def money_text(units: int, asset: Asset) -> str:
    """An amount as people read it in tables: ``1,234.50``. Two decimals, of an asset that is not the value asset up to
    six; rounded half up. Nothing is ``0``, and what rounds to nothing is told as less than the last place."""
    if not units:
        return "0"
    places = 2 if asset.symbol == settings.VALUE_ASSET else min(asset.scale, 6)
    value = Decimal(units).scaleb(-asset.scale)
    least = Decimal(1).scaleb(-places)
    if abs(value) < least:
        return f"{'>-' if value < 0 else '<'}{least}"
    return f"{value.quantize(least, rounding=ROUND_HALF_UP):,}"


def amount_words(units: int, asset: Asset) -> str:
    """An amount for a sentence: thousands separated, with the symbol, ``1,000.5 USD``."""
    whole, point, fraction = amount_text(units, asset).partition(".")
    return f"{int(whole):,}{point}{fraction} {asset.symbol}"


def to_units(text: str | Decimal, asset: Asset, *, field: str | None = None) -> int:
    """A positive decimal amount of ``asset`` in whole units.

    Raises ``DomainError`` with code ``amount_invalid`` (not a number, not above zero), ``amount_too_fine`` (more
    decimals than the asset's scale) or ``amount_too_large``; ``field`` names the input at fault.
    """
    value = read_decimal(text if isinstance(text, Decimal) else text.replace(",", ""))
    if value is None or value <= 0:
        raise DomainError("amount_invalid", "Enter an amount above zero, for example 12.5.", field=field)
    if value > Decimal(MAX_UNITS).scaleb(-asset.scale):
        raise DomainError(
            "amount_too_large", f"That is more {asset.symbol} than the ledger can hold.", field=field
        )
    units = value.scaleb(asset.scale)
    if units != units.to_integral_value():
        raise DomainError(
            "amount_too_fine",
            f"{asset.symbol} has {asset.scale} decimals at most; shorten the amount.",
            field=field,
        )
    return int(units)


def asset_by_symbol(symbol: str, *, field: str | None = None) -> Asset:
    """The listed asset of that symbol; ``DomainError("asset_unlisted")`` if there is none."""
    asset = listed_assets().filter(symbol=symbol.strip().upper()).first()
    if asset is None:
        raise DomainError(
            "asset_unlisted",
            f"No asset {symbol.strip().upper() or '?'} is listed; choose one or create it first.",
            field=field,
            symbol=symbol,
        )
    return asset


def stake_asset() -> Asset:
    """The asset in which deployers stake (``settings.STAKE_ASSET``)."""
    return Asset.objects.get(symbol=settings.STAKE_ASSET)


def listed_assets() -> QuerySet[Asset]:
    """Every issued asset, by symbol."""
    return Asset.objects.filter(reserved_units=None).order_by("symbol")


def balance(kind: AccountKind, owner_id: int, asset_id: int) -> int:
    """Units held by one ledger account; 0 if it was never used."""
    found = LedgerAccount.objects.filter(kind=kind, owner_id=owner_id, asset_id=asset_id).values_list(
        "balance"
    )
    return found[0][0] if found else 0


def wallet_balance(user_id: int, asset: Asset) -> int:
    """Units of ``asset`` in the user's wallet."""
    return balance(AccountKind.WALLET, user_id, asset.pk)


def stake_balance(user_id: int) -> int:
    """Units of the stake asset which the user has at stake as a deployer."""
    return balance(AccountKind.STAKE, user_id, stake_asset().pk)


def stake_balances() -> dict[int, int]:
    """``{user id: units of the stake asset at stake}`` of every deployer who has any."""
    rows = LedgerAccount.objects.filter(kind=AccountKind.STAKE, asset=stake_asset()).exclude(balance=0)
    return dict(rows.values_list("owner_id", "balance"))


def releases_of(user_id: int) -> QuerySet[StakeRelease]:
    """Every release of stake a deployer has asked for, newest first."""
    return StakeRelease.objects.filter(user_id=user_id).order_by("-pk")


def unbonding(user_id: int) -> QuerySet[StakeRelease]:
    """What is on its way back to the wallet, newest first."""
    return releases_of(user_id).filter(state=ReleaseState.UNBONDING)


def holds_on(user_id: int) -> QuerySet[StakeHold]:
    """The cases that keep a deployer's stake from leaving now, oldest first."""
    return StakeHold.objects.filter(user_id=user_id, lifted_at=None).order_by("pk")


def stake_history(user_id: int) -> QuerySet[Entry]:
    """Every movement of a deployer's stake, bonded and unbonding, newest first, with its posting and account."""
    return (
        Entry.objects.filter(
            account__kind__in=[AccountKind.STAKE, AccountKind.UNBONDING], account__owner_id=user_id
        )
        .select_related("posting", "account__asset")
        .order_by("-pk")
    )


def burned_units(asset: Asset) -> int:
    """Units of ``asset`` that slashes have burned; what is in circulation is what was issued less these."""
    return balance(AccountKind.BURNED, 0, asset.pk)


def balances_of(user_id: int, kinds: Iterable[AccountKind]) -> dict[tuple[str, int], int]:
    """``{(kind, asset id): units}`` of a user's own accounts of the given kinds, empty ones left out."""
    rows = LedgerAccount.objects.filter(kind__in=list(kinds), owner_id=user_id).exclude(balance=0)
    return {(row.kind, row.asset_id): row.balance for row in rows}


def pending_transfers(older_than: timedelta = timedelta(0), limit: int = 500) -> list[Transfer]:
    """Transfers still on their way, requested at least ``older_than`` ago: what the outbox sweeper sends again.

    Beyond ``limit`` chance decides, so that those of a group that does not answer keep no other waiting.
    """
    rows = Transfer.objects.filter(state=TransferState.REQUESTED, created__lte=timezone.now() - older_than)
    return list(rows.select_related("asset").order_by("?")[:limit])


def transfers_of(user_id: int) -> QuerySet[Transfer]:
    """A user's transfers to and from venues, newest first."""
    return Transfer.objects.filter(user_id=user_id).select_related("asset").order_by("-pk")


def wallet_history(user_id: int) -> QuerySet[Entry]:
    """Every movement of a user's wallet, newest first, with its posting, transfer and asset."""
    return (
        Entry.objects.filter(account__kind=AccountKind.WALLET, account__owner_id=user_id)
        .select_related("posting__transfer", "account__asset")
        .order_by("-pk")
    )


def withdrawals_of(user_id: int) -> QuerySet[Withdrawal]:
    """A user's withdrawals to addresses outside, newest first."""
    return Withdrawal.objects.filter(user_id=user_id).select_related("asset").order_by("-pk")


def deposits_of(user_id: int) -> QuerySet[Entry]:
    """What came into a user's wallet from outside the ledger, newest first, with its posting and asset."""
    return wallet_history(user_id).filter(
        posting__kind__in=[PostingKind.FAUCET, PostingKind.ISSUE], amount__gt=0
    )


def supply_of(asset: Asset) -> int:
    """Units of ``asset`` that exist: what the outside world has paid in, less what went back."""
    return -balance(AccountKind.EXTERNAL, 0, asset.pk)


def holders_of(asset: Asset) -> int:
    """How many users hold ``asset`` in their wallet, at stake, or on its way."""
    rows = LedgerAccount.objects.filter(asset=asset, balance__gt=0).exclude(
        kind__in=[
            AccountKind.ESCROW,
            AccountKind.FEES,
            AccountKind.INSURANCE,
            AccountKind.TREASURY,
            AccountKind.EXTERNAL,
        ]
    )
    return rows.values("owner_id").distinct().count()
