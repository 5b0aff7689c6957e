"""Assets which deployers issue; the platform's own are in ``seeds``.

An asset is issued at once, or by a launch: then its symbol is reserved first, and its supply is issued when the venue
opens, or the symbol is given back if it never does.
"""

import re
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.models import MAX_SCALE, SYMBOL_PATTERN, Asset, Grade, GradeChange, PostingKind
from exchange_os.ledger.selectors import MAX_UNITS, to_units
from exchange_os.ledger.services.postings import external, post_transfer, wallet
from exchange_os.ledger.tickers import RESERVED_SYMBOLS
from exchange_os.ledger.words import LOOKALIKES, check_name_letters, skeleton

MAX_SUPPLY_UNITS = 10**18


@dataclass(frozen=True)
class AssetSpec:
    """An asset as it may be issued; ``units`` is its whole supply."""

    symbol: str
    name: str
    scale: int
    units: int


def lookalikes(symbol: str) -> list[str]:
    """Listed symbols that a reader may take for ``symbol`` (0 and O, 1 and I, 5 and S ...), itself left out."""
    shape = symbol.upper().translate(LOOKALIKES)
    listed = Asset.objects.exclude(symbol=symbol.upper()).values_list("symbol", flat=True)
    return sorted(other for other in listed if other.translate(LOOKALIKES) == shape)


def check_symbol(symbol: str) -> str:
    """The symbol in capitals if a new asset may have it; raises ``symbol_invalid``, ``symbol_taken`` (also while a
    launch reserves it) or ``symbol_reserved``."""
    symbol = symbol.strip().upper()
    if not re.fullmatch(SYMBOL_PATTERN, symbol):
        raise DomainError(
            "symbol_invalid",
            "A symbol is 2 to 10 letters A to Z or digits, for example GOLD.",
            field="symbol",
        )
    if Asset.objects.filter(symbol=symbol).exists():
        raise _taken(symbol)
    if symbol in RESERVED_SYMBOLS:
        raise DomainError(
            "symbol_reserved",
            f"{symbol} is the symbol of something known everywhere and cannot be issued; choose another.",
            field="symbol",
        )
    return symbol


def check_asset_name(name: str, issuer: AbstractBaseUser) -> str:
    """A name of 2 to 60 letters that can be told from those of all other issuers' assets; raises ``name_invalid``,
    ``name_lookalike`` and those of ``check_name_letters``."""
    name = " ".join(name.split())
    if not 2 <= len(name) <= 60:
        raise DomainError("name_invalid", "Give the asset a name of 2 to 60 characters.", field="name")
    check_name_letters(name, field="name")
    shape = skeleton(name)
    others = Asset.objects.exclude(issuer_id=issuer.pk).values_list("symbol", "name")
    alike = next((f"{other} ({title})" for other, title in others if skeleton(title) == shape), None)
    if alike is not None:
        raise DomainError(
            "name_lookalike", f"The name cannot be told from that of {alike}; choose another.", field="name"
        )
    return name


def asset_spec(
    issuer: AbstractBaseUser, *, symbol: str, name: str, scale: int, supply: str, confirmed: bool = False
) -> AssetSpec:
    """What a deployer types of a new asset, checked; ``supply`` is a decimal text.

    Raises ``DomainError`` with the field at fault: ``symbol_*``, ``symbol_lookalike`` (unless ``confirmed``),
    ``name_*``, ``scale_invalid``, ``amount_*`` and ``supply_too_large``.
    """
    symbol = check_symbol(symbol)
    similar = lookalikes(symbol)
    if similar and not confirmed:
        raise DomainError(
            "symbol_lookalike",
            f"{symbol} looks like {', '.join(similar)}. Choose another symbol, or confirm that you mean this one.",
            field="symbol",
            similar=similar,
        )
    name = check_asset_name(name, issuer)
    if not 0 <= scale <= MAX_SCALE:
        raise DomainError("scale_invalid", f"An asset has 0 to {MAX_SCALE} decimals.", field="scale")
    units = to_units(supply, Asset(symbol=symbol, scale=scale), field="supply")
    if units > min(MAX_SUPPLY_UNITS, MAX_UNITS):
        raise DomainError(
            "supply_too_large",
            f"At {scale} decimals the supply is at most {10 ** (18 - scale):,}.",
            field="supply",
        )
    return AssetSpec(symbol, name, scale, units)


def reserve_asset(issuer: AbstractBaseUser, spec: AssetSpec) -> Asset:
    """Keep the symbol of an asset that is to be issued; raises ``symbol_taken``."""
    try:
        with transaction.atomic():
            return Asset.objects.create(
                symbol=spec.symbol,
                name=spec.name,
                scale=spec.scale,
                issuer_id=issuer.pk,
                reserved_units=spec.units,
            )
    except IntegrityError as taken:
        raise _taken(spec.symbol) from taken


def issue_asset(asset: Asset) -> None:
    """Issue the supply of a reserved asset into its issuer's wallet; nothing if it has been issued."""
    with transaction.atomic():
        locked = Asset.objects.select_for_update().get(pk=asset.pk)
        if locked.reserved_units is None:
            return
        assert locked.issuer_id is not None
        units, locked.reserved_units = locked.reserved_units, None
        locked.save(update_fields=["reserved_units"])
        post_transfer(PostingKind.ISSUE, external(locked.pk), wallet(locked.issuer_id, locked.pk), units)


def give_back_symbols(assets: list[int]) -> None:
    """Forget reserved assets that were never issued; their symbols are free again. Issued ones stay."""
    Asset.objects.filter(pk__in=assets).exclude(reserved_units=None).delete()


def create_asset(
    issuer: AbstractBaseUser, *, symbol: str, name: str, scale: int, supply: str, confirmed: bool = False
) -> Asset:
    """List a new asset and issue its whole ``supply`` into the issuer's wallet, for good. Raises as ``asset_spec``."""
    spec = asset_spec(issuer, symbol=symbol, name=name, scale=scale, supply=supply, confirmed=confirmed)
    with transaction.atomic():
        asset = reserve_asset(issuer, spec)
        issue_asset(asset)
    asset.refresh_from_db()
    return asset


def set_grade(asset: Asset, grade: str, by: AbstractBaseUser | None, reason: str) -> Asset:
    """Give an asset another grade as collateral, and keep who did it and why for good.

    ``by`` is a member of the operator's staff, or ``None`` for a decision of governance that ``reason`` names. Venues
    are told by ``venues.services.collateral``. Raises ``grade_invalid``, ``reason_missing``, ``not_allowed``.
    """
    if grade not in Grade.values:
        raise DomainError("grade_invalid", "A grade is A, B, C or D.", field="grade")
    reason = " ".join(reason.split())
    if not 4 <= len(reason) <= 300:
        raise DomainError("reason_missing", "Say why, in 4 to 300 characters.", field="reason")
    if by is not None and not getattr(by, "is_staff", False):
        raise DomainError("not_allowed", "Only the operator or governance may change the grade of an asset.")
    with transaction.atomic():
        locked = Asset.objects.select_for_update().get(pk=asset.pk)
        if locked.grade == grade:
            return locked
        before, locked.grade = locked.grade, grade
        locked.save(update_fields=["grade"])
        GradeChange.objects.create(
            asset=locked, before=before, grade=grade, by_id=by.pk if by else None, reason=reason
        )
    return locked


def _taken(symbol: str) -> DomainError:
    return DomainError(
        "symbol_taken",
        f"{symbol} is already listed; choose another symbol or use that asset.",
        field="symbol",
    )
