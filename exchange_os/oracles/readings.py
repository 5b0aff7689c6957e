"""What a source says: a price as an exact decimal and when it was published; or why there is none."""

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext
from typing import Any

MAX_DIGITS = 40
MAX_TICKS = 2**63 - 1
WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)


class SourceError(Exception):
    """A source gave no price; ``code`` says why (``timeout``, ``refused``, ``status``, ``too_large``, ``malformed``,
    ``uncertain``, ``forbidden_address``, ...), the message more."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A price in the source's own units and when it was published, in milliseconds since 1970."""

    price: Decimal
    published_ms: int


def parse_json(text: str | bytes) -> Any:
    """JSON with numbers as exact decimals. Raises ``SourceError`` ``malformed``, also for NaN and infinities."""
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise SourceError("malformed", "the answer is not JSON") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def exact_decimal(value: Any, what: str = "the price") -> Decimal:
    """A finite decimal of bearable length from a JSON number or string. Raises ``SourceError`` ``malformed``."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise SourceError("malformed", f"{what} is not a number")
    text = str(value).strip()
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise SourceError("malformed", f"{what} is not a number") from error
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or len(digits) + abs(exponent) > MAX_DIGITS:
        raise SourceError("malformed", f"{what} is not a bearable number")
    return number


def to_ticks(price: Decimal, multiplier: Decimal, tick_size: Decimal) -> tuple[Decimal, int]:
    """(``price * multiplier`` exactly, the same in ticks, rounded to the nearest, half to even).

    Ticks beyond 63 bits come back as the largest number, which a kernel refuses.
    """
    with localcontext(WIDE):
        value = price * multiplier
        ticks = int((value / tick_size).to_integral_value(ROUND_HALF_EVEN))
    return value, max(-MAX_TICKS, min(ticks, MAX_TICKS))
