"""Inputs of markets, read one by one: the number they stand for, or a refusal at the field."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import asset_by_symbol, decimal_text
from exchange_os.ledger.words import check_plain
from venues.errors import Gatherer
from venues.instruments import in_steps, parse_decimal
from venues.models import PPM

MAX_PRICE_DECIMALS = 12
MAX_TAKER_FEE_PPM = 10_000
MIN_BAND_PPM, MAX_BAND_PPM = 1_000, 500_000
MAX_LOT_TICK_UNITS = 10**12


def next_page(request: HttpRequest) -> str:
    """Where a form wants to go afterwards, if it is a page of this site; else empty."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else ""


def decimals(value: Decimal) -> int:
    """Digits after the point in canonical form: 2 for ``0.01``, 0 for ``5``."""
    return len(decimal_text(value).partition(".")[2])


def text_of(data: Mapping[str, Any], name: str) -> str:
    """The input as text; empty if it is missing."""
    value = data.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def refuse_hidden(data: Mapping[str, Any], checks: Gatherer) -> None:
    """Keep ``text_hidden`` for every input with a sign that nobody can see."""
    for name, value in data.items():
        if isinstance(value, str) and not value.isascii():
            checks.take(name, lambda name=name, value=value: check_plain(value, field=name))  # type: ignore[misc]


class AssetShelf:
    """Assets by symbol: the listed ones, each looked up once, and ``own`` ones that a launch is to issue."""

    def __init__(self, own: Iterable[Asset] = ()) -> None:
        self._found = {asset.symbol: asset for asset in own}

    def find(self, data: Mapping[str, Any], name: str) -> Asset:
        """The asset that an input names, or ``asset_unlisted``."""
        symbol = text_of(data, name).upper()
        if symbol not in self._found:
            self._found[symbol] = asset_by_symbol(symbol, field=name)
        return self._found[symbol]


def read_step(data: Mapping[str, Any], name: str, what: str) -> Decimal:
    """A step above zero, called ``what`` in the refusal ``<what>_invalid``."""
    message = f"Enter a {what} above zero, for example 0.01."
    value = parse_decimal(text_of(data, name), code=f"{what}_invalid", message=message, field=name)
    if value <= 0 or value > 10**9:
        raise DomainError(f"{what}_invalid", message, field=name)
    return Decimal(decimal_text(value))


def read_tick(data: Mapping[str, Any]) -> Decimal:
    """The tick, or ``tick_invalid``."""
    tick = read_step(data, "tick_size", "tick")
    if decimals(tick) > MAX_PRICE_DECIMALS:
        raise DomainError(
            "tick_invalid",
            f"A tick has at most {MAX_PRICE_DECIMALS} decimals; enter a larger one.",
            field="tick_size",
        )
    return tick


def read_lot_units(lot: Decimal, base: Asset) -> int:
    """Units of ``base`` in one lot, or ``lot_too_fine``, ``lot_too_large``."""
    units = in_steps(lot, Decimal(1).scaleb(-base.scale))
    if not units:
        smallest = decimal_text(Decimal(1).scaleb(-base.scale))
        raise DomainError(
            "lot_too_fine",
            f"{base.symbol} has {base.scale} decimals: the lot must be a multiple of {smallest}.",
            field="lot_size",
        )
    if units > MAX_LOT_TICK_UNITS:
        raise DomainError("lot_too_large", "The lot is too large; enter a smaller one.", field="lot_size")
    return units


def read_tick_quote(tick: Decimal, lot: Decimal, quote: Asset) -> int:
    """Quote units of one lot one tick dearer, which must be a whole number: notionals are exact."""
    unit = Decimal(1).scaleb(-quote.scale)
    units = in_steps(tick * lot, unit)
    if not units:
        raise DomainError(
            "tick_lot_not_whole",
            f"One tick on one lot is {decimal_text(tick * lot)} {quote.symbol}, which is not a whole number of "
            f"{decimal_text(unit)} {quote.symbol}, its smallest unit. Enter a larger tick or a larger lot.",
            field="tick_size",
        )
    if units > MAX_LOT_TICK_UNITS:
        raise DomainError(
            "tick_invalid", "The tick is too large for that lot; enter a smaller one.", field="tick_size"
        )
    return units


def read_min_size_lots(data: Mapping[str, Any], lot: Decimal, base: Asset) -> int:
    """The smallest order in lots (empty: one), or ``min_size_invalid``."""
    text = text_of(data, "min_size")
    if not text:
        return 1
    message = f"Enter a size above zero in {base.symbol}, or leave it empty for one lot."
    value = parse_decimal(text, code="min_size_invalid", message=message, field="min_size")
    lots = in_steps(value, lot) if value > 0 else 0
    if lots is None:
        message = f"The smallest order must be a multiple of the lot, {decimal_text(lot)}."
    if not lots or lots > 10**12:
        raise DomainError("min_size_invalid", message, field="min_size")
    return lots


def read_reference_ticks(data: Mapping[str, Any], tick: Decimal) -> int:
    """The opening price in ticks, or ``reference_invalid``."""
    message = "Enter the price at which you expect trading to begin, above zero."
    value = parse_decimal(text_of(data, "reference_price"), code="reference_invalid", message=message)
    ticks = in_steps(value, tick) if value > 0 else 0
    if ticks is None:
        message = f"The opening price must be a multiple of the tick, {decimal_text(tick)}."
    if not ticks or ticks > 10**15:
        raise DomainError("reference_invalid", message, field="reference_price")
    return ticks


def read_ppm(data: Mapping[str, Any], name: str, default: str, message: str) -> int:
    """A percentage in parts per million, or ``<name>_invalid`` with ``message``."""
    code = name.replace("_percent", "_invalid")
    value = parse_decimal(text_of(data, name).rstrip("% ") or default, code=code, message=message, field=name)
    ppm = value * (PPM // 100)
    if ppm != ppm.to_integral_value() or abs(ppm) > PPM:
        raise DomainError(code, message, field=name)
    return int(ppm)


def parse_percent_ppm(data: Mapping[str, Any], name: str, *, signed: bool = False) -> int:
    """A percentage between -100 and 100 in parts per million, not below 0 unless ``signed``; ``percent_invalid``."""
    message = "Enter a percentage with at most four decimals, for example 0.05."
    value = parse_decimal(text_of(data, name), code="percent_invalid", message=message, field=name)
    ppm = in_steps(value, Decimal("0.0001")) if abs(value) <= 100 else None
    if ppm is None or (ppm < 0 and not signed):
        raise DomainError("percent_invalid", message, field=name)
    return ppm


def parse_volume(data: Mapping[str, Any], name: str) -> int:
    """A whole volume above zero, thousands separated or not, or ``volume_invalid``."""
    message = "Enter a whole volume above zero, for example 100,000."
    value = parse_decimal(
        text_of(data, name).replace(",", ""), code="volume_invalid", message=message, field=name
    )
    whole = in_steps(value, Decimal(1)) if 0 < value <= 10**12 else None
    if not whole:
        raise DomainError("volume_invalid", message, field=name)
    return whole


def read_band_ppm(data: Mapping[str, Any]) -> int:
    """The price band, 0.1 to 50 per cent, or ``band_invalid``."""
    message = "Enter a band from 0.1 to 50 per cent."
    band = read_ppm(data, "band_percent", "5", message)
    if not MIN_BAND_PPM <= band <= MAX_BAND_PPM:
        raise DomainError("band_invalid", message, field="band_percent")
    return band


def read_taker_fee_ppm(data: Mapping[str, Any]) -> int:
    """The taker fee, at most 1 per cent, or ``taker_fee_invalid``."""
    message = "Enter a taker fee from 0 to 1 per cent, at most four decimals."
    fee = read_ppm(data, "taker_fee_percent", "0.05", message)
    if not 0 <= fee <= MAX_TAKER_FEE_PPM:
        raise DomainError("taker_fee_invalid", message, field="taker_fee_percent")
    return fee


def read_maker_fee_ppm(data: Mapping[str, Any], taker_ppm: int | None) -> int:
    """The maker fee or rebate, never above ``taker_ppm``, or ``maker_fee_invalid``."""
    message = "Enter a maker fee in per cent, at most four decimals; a rebate has a minus sign."
    fee = read_ppm(data, "maker_fee_percent", "0.02", message)
    if taker_ppm is not None and abs(fee) > taker_ppm:
        raise DomainError(
            "maker_fee_invalid",
            "A maker fee or rebate may not exceed the taker fee, "
            f"{decimal_text(Decimal(taker_ppm) / 10_000)} per cent.",
            field="maker_fee_percent",
        )
    return fee
