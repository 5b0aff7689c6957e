"""The one way numbers become text at the public API, and the one way text becomes numbers.

Canonical text has no exponent, no trailing zeros, no plus sign and no ``-0``: ``65000``, ``0.1``,
``-0.0005``. Book checksums of clients are computed over this very text.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from exchange_os.ledger.selectors import decimal_text
from venues.instruments import Instrument

__all__ = ["average_price", "decimal_text", "parse_decimal", "ppm_text", "scaled_text"]

MAX_DIGITS = 30
MAX_SCALE = 18


def scaled_text(units: int, scale: int) -> str:
    """Canonical text of ``units * 10**-scale``; ``scale`` is zero or more."""
    if scale == 0:
        return str(units)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(scale + 1, "0")
    fraction = digits[-scale:].rstrip("0")
    return f"{sign}{digits[:-scale]}.{fraction}" if fraction else f"{sign}{digits[:-scale]}"


def ppm_text(ppm: int) -> str:
    """Canonical text of a rate in parts per million, as a fraction of one: ``1000`` is ``0.001``."""
    return scaled_text(ppm, 6)


def parse_decimal(value: Any) -> Decimal | None:
    """A finite decimal from a JSON string or number; ``None`` if it is anything else.

    Booleans, ``NaN``, infinities, blanks, exponents inside strings and absurdly long numbers are not numbers
    here.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
    if not text or len(text) > MAX_DIGITS + 8 or not text.isascii():
        return None
    if isinstance(value, str) and not text.lstrip("-").replace(".", "", 1).isdigit():
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or exponent < -MAX_SCALE or len(digits) + max(exponent, 0) > MAX_DIGITS:
        return None
    return number


def average_price(quote_units: int, lots: int, instrument: Instrument) -> str:
    """Average price of ``lots`` that moved ``quote_units``, rounded to the tick's decimals; empty without a fill."""
    if not lots:
        return ""
    price = instrument.price(1) * quote_units / (lots * instrument.tick_quote)
    return format(round(price, instrument.price_scale), f".{instrument.price_scale}f")
