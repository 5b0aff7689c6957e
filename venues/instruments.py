"""An instrument: a market's numbers, and the exact ways between decimals and ticks, lots and units.

Pure arithmetic on ``Decimal`` and integers; nothing is rounded without being asked to.
"""

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import MAX_UNITS, decimal_text, read_decimal

EXACT = Context(prec=60, traps=[InvalidOperation, Inexact])


def parse_decimal(text: str | Decimal, *, code: str, message: str, field: str | None = None) -> Decimal:
    """A plain decimal number, or ``DomainError(code, message)``."""
    value = read_decimal(text)
    if value is None:
        raise DomainError(code, message, field=field)
    return value


def in_steps(value: Decimal, step: Decimal) -> int | None:
    """How many whole ``step`` there are in ``value``; ``None`` if it is not a whole number of them."""
    with localcontext(EXACT):
        count, rest = divmod(value, step)
        return None if rest else int(count)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market as clients see it. Prices in quote per base, sizes in base, of contracts in whole contracts;
    ``tick_quote`` quote units a lot-tick. ``base`` is the underlying of a perpetual and ``None`` for an outcome."""

    market_id: int
    venue_id: int
    venue_slug: str
    group_id: int
    number: int
    symbol: str
    kind: str
    phase: int
    base: Asset | None
    quote: Asset
    tick_size: Decimal
    lot_size: Decimal
    price_scale: int
    size_scale: int
    lot_units: int
    tick_quote: int
    min_size_lots: int
    reference_ticks: int
    band_ppm: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    contract_value: Decimal = Decimal(0)
    payout_ticks: int = 0
    event_id: int | None = None
    outcome: int = 0
    outcome_name: str = ""
    builder: int = 0

    @property
    def size_unit(self) -> str:
        """What sizes are counted in: the base asset, or contracts."""
        return self.base.symbol if self.kind == "spot" and self.base else "contracts"

    @property
    def is_contract(self) -> bool:
        """Whether positions are held in it, not balances."""
        return self.kind != "spot"

    def to_ticks(self, price: str | Decimal, *, field: str | None = "price") -> int:
        """``price`` in ticks. Raises ``price_invalid`` (no number, not above zero, too large) or ``price_off_tick``."""
        message = f"Enter a price above zero in {self.quote.symbol}."
        value = parse_decimal(price, code="price_invalid", message=message, field=field)
        if value <= 0:
            raise DomainError("price_invalid", message, field=field)
        ticks = in_steps(value, self.tick_size)
        if ticks is None:
            raise DomainError(
                "price_off_tick",
                f"The price must be a multiple of {decimal_text(self.tick_size)}.",
                field=field,
                tick_size=decimal_text(self.tick_size),
            )
        if ticks > MAX_UNITS:
            raise DomainError("price_invalid", "The price is too large.", field=field)
        return ticks

    def to_lots(self, size: str | Decimal, *, field: str | None = "size") -> int:
        """``size`` in lots. Raises ``size_invalid`` (no number, not above zero, too large) or ``size_off_lot``."""
        message = f"Enter a size above zero in {self.size_unit}."
        value = parse_decimal(size, code="size_invalid", message=message, field=field)
        if value <= 0:
            raise DomainError("size_invalid", message, field=field)
        lots = in_steps(value, self.lot_size)
        if lots is None:
            raise DomainError(
                "size_off_lot",
                f"The size must be a multiple of {decimal_text(self.lot_size)} {self.size_unit}.",
                field=field,
                lot_size=decimal_text(self.lot_size),
            )
        if lots > MAX_UNITS:
            raise DomainError("size_invalid", "The size is too large.", field=field)
        return lots

    def price(self, ticks: int) -> Decimal:
        """The price of ``ticks`` in quote per base."""
        return Decimal(ticks) * self.tick_size

    def size(self, lots: int) -> Decimal:
        """The size of ``lots`` in base."""
        return Decimal(lots) * self.lot_size

    def price_text(self, ticks: int) -> str:
        """The price of ``ticks`` as a canonical decimal: no exponent, no trailing zeros."""
        return decimal_text(self.price(ticks))

    def size_text(self, lots: int) -> str:
        """The size of ``lots`` as a canonical decimal: no exponent, no trailing zeros."""
        return decimal_text(self.size(lots))

    def price_display(self, ticks: int) -> str:
        """The price for people: always with the tick's decimals."""
        return format(self.price(ticks), f".{self.price_scale}f")

    def size_display(self, lots: int) -> str:
        """The size for people: always with the lot's decimals."""
        return format(self.size(lots), f".{self.size_scale}f")

    def notional(self, ticks: int, lots: int) -> int:
        """Quote units of ``lots`` at ``ticks``."""
        return ticks * lots * self.tick_quote

    def notional_text(self, ticks: int, lots: int) -> str:
        """Quote amount of ``lots`` at ``ticks`` as a canonical decimal."""
        return decimal_text(Decimal(self.notional(ticks, lots)).scaleb(-self.quote.scale))
