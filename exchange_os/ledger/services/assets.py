"""Assets which deployers issue; the platform's own are in ``seeds``."""

import re

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.models import MAX_SCALE, SYMBOL_PATTERN, Asset, PostingKind
from exchange_os.ledger.selectors import MAX_UNITS, to_units
from exchange_os.ledger.services.postings import external, post_transfer, wallet

LOOKALIKES = str.maketrans(
    {"0": "O", "1": "I", "L": "I", "5": "S", "8": "B", "2": "Z", "6": "G", "V": "U", "W": "M"}
)
MAX_SUPPLY_UNITS = 10**18


def lookalikes(symbol: str) -> list[str]:
    """Listed symbols that a reader may take for ``symbol`` (0 and O, 1 and I, 5 and S ...), itself left out."""
    shape = symbol.upper().translate(LOOKALIKES)
    listed = Asset.objects.exclude(symbol=symbol.upper()).values_list("symbol", flat=True)
    return sorted(other for other in listed if other.translate(LOOKALIKES) == shape)


def check_symbol(symbol: str) -> str:
    """The symbol in capitals if a new asset may have it; raises ``symbol_invalid`` or ``symbol_taken``."""
    symbol = symbol.strip().upper()
    if not re.fullmatch(SYMBOL_PATTERN, symbol):
        raise DomainError(
            "symbol_invalid",
            "A symbol is 2 to 10 letters A to Z or digits, for example GOLD.",
            field="symbol",
        )
    if Asset.objects.filter(symbol=symbol).exists():
        raise DomainError(
            "symbol_taken",
            f"{symbol} is already listed; choose another symbol or use that asset.",
            field="symbol",
        )
    return symbol


def create_asset(
    issuer: AbstractBaseUser, *, symbol: str, name: str, scale: int, supply: str, confirmed: bool = False
) -> Asset:
    """List a new asset and issue its whole ``supply`` (a decimal text) into the issuer's wallet.

    Raises ``DomainError`` with the field at fault: ``symbol_invalid``, ``symbol_taken``, ``symbol_lookalike`` (unless
    ``confirmed``), ``name_invalid``, ``scale_invalid``, ``amount_*`` and ``supply_too_large``. Supply is fixed.
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
    name = " ".join(name.split())
    if not 2 <= len(name) <= 60:
        raise DomainError("name_invalid", "Give the asset a name of 2 to 60 characters.", field="name")
    if not 0 <= scale <= MAX_SCALE:
        raise DomainError("scale_invalid", f"An asset has 0 to {MAX_SCALE} decimals.", field="scale")
    draft = Asset(symbol=symbol, name=name, scale=scale, issuer_id=issuer.pk)
    units = to_units(supply, draft, field="supply")
    if units > min(MAX_SUPPLY_UNITS, MAX_UNITS):
        raise DomainError(
            "supply_too_large",
            f"At {scale} decimals the supply is at most {10 ** (18 - scale):,}.",
            field="supply",
        )
    try:
        with transaction.atomic():
            draft.save()
            post_transfer(PostingKind.ISSUE, external(draft.pk), wallet(issuer.pk, draft.pk), units)
    except IntegrityError as taken:
        raise DomainError(
            "symbol_taken",
            f"{symbol} is already listed; choose another symbol or use that asset.",
            field="symbol",
        ) from taken
    return draft
