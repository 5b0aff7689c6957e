"""What a deployer types of an event, checked: the question, its outcomes, how and by when it is decided."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import decimal_text, read_decimal
from venues.contract_specs import check_settlement
from venues.errors import Gatherer
from venues.event_rules import read_rules
from venues.inputs import (
    AssetShelf,
    decimals,
    read_maker_fee_ppm,
    read_taker_fee_ppm,
    refuse_hidden,
    text_of,
)
from venues.instruments import in_steps, parse_decimal
from venues.models import EventKind

MAX_OUTCOMES = 256
MIN_HOURS_OPEN = Decimal("0.05")
MAX_YEARS_OPEN = 10
MAX_WINDOW_SECONDS = 14 * 24 * 3600
TICKS = ("0.001", "0.005", "0.01", "0.05")
#: Name of the outcome that others may be taken out of later.
FALLBACK = "any other"
#: Letters of a symbol's last part that clients would take for an option.
NOT_ALONE = ("C", "P")


@dataclass(frozen=True)
class EventSpec:
    """An event as it may be listed. Each contract pays one unit of ``quote``, ``payout_ticks`` ticks.

    ``outcomes`` are (name, symbol of its market); a binary or scalar event has the one market of its first outcome.
    """

    market_kind: ClassVar[str] = "outcome"
    kind: str
    series: str
    code: str
    title: str
    category: str
    rules: str
    source: str
    quote: Asset
    closes: datetime
    window_seconds: int
    outcomes: tuple[tuple[str, str], ...]
    tick_size: Decimal
    payout_ticks: int
    tick_quote: int
    reference_ticks: int
    fallback: int | None
    maker_fee_ppm: int
    taker_fee_ppm: int
    low: str = ""
    high: str = ""
    measure: str = ""

    @property
    def symbols(self) -> list[str]:
        """The symbols of its markets."""
        return [symbol for _, symbol in self.outcomes]

    @property
    def symbol(self) -> str:
        """What the event is called in lists of markets."""
        return self.outcomes[0][1] if len(self.outcomes) == 1 else f"{self.series}-{self.code}"

    @property
    def price_scale(self) -> int:
        """Decimals of a price."""
        return decimals(self.tick_size)


def event_spec(
    data: Mapping[str, Any],
    *,
    taken: Collection[str] = (),
    settlement: Asset | None = None,
    shelf: AssetShelf | None = None,
) -> EventSpec:
    """One event form as an ``EventSpec``; raises ``Refusals`` with every field at fault.

    ``taken`` are the symbols of the venue's other markets, ``settlement`` what its contracts settle in already.
    """
    checks, shelf = Gatherer(), shelf or AssetShelf()
    refuse_hidden(data, checks)
    kind = checks.take("event_kind", lambda: _kind(data))
    title = checks.take("title", lambda: _words(data, "title", "question", 8, 140))
    rules = read_rules(data, checks)
    source = checks.take("source", lambda: _words(data, "source", "source", 4, 300))
    series = checks.take("series", lambda: _code(data, "series", 16))
    code = checks.take("code", lambda: _code(data, "code", 12))
    quote = checks.take("quote", lambda: shelf.find(data, "quote"))
    if quote:
        checks.take("quote", lambda: check_settlement(quote, settlement))
    closes = checks.take("closes", lambda: _closes(data))
    window = checks.take("window_hours", lambda: _window(data))
    names = checks.take("outcomes", lambda: _outcomes(data, kind)) if kind else None
    ends = checks.take("high", lambda: _ends(data)) if kind == EventKind.SCALAR else ("", "")
    tick = checks.take("tick_size", lambda: _tick(data))
    tick_quote = checks.take("tick_size", lambda: _tick_quote(tick, quote)) if tick and quote else None
    taker = checks.take("taker_fee_percent", lambda: read_taker_fee_ppm(data))
    maker = checks.take("maker_fee_percent", lambda: read_maker_fee_ppm(data, taker))
    outcomes: tuple[tuple[str, str], ...] = ()
    if series and code and closes and names:
        outcomes = _symbols(series, code, closes, names)
        clash = next((symbol for _, symbol in outcomes if symbol in taken), None)
        if clash or len({symbol for _, symbol in outcomes}) < len(outcomes):
            checks.refuse(
                "series",
                "symbol_taken",
                f"The symbol {clash or outcomes[0][1]} is taken; choose another series.",
            )
    checks.finish()
    assert kind and title and rules and source and series and code and quote and closes and window and names
    assert tick and tick_quote and ends and taker is not None and maker is not None
    payout = int(1 / tick)
    fallback = next((at for at, (name, _) in enumerate(outcomes) if name.lower() == FALLBACK), None)
    return EventSpec(
        kind=kind, series=series, code=f"{closes:%y%m%d-%H%M}-{code}", title=title,
        category=text_of(data, "category")[:30], rules=rules, source=source, quote=quote, closes=closes,
        window_seconds=window, outcomes=outcomes, tick_size=tick, payout_ticks=payout, tick_quote=tick_quote,
        reference_ticks=max(1, payout // max(2, len(outcomes))), fallback=fallback, maker_fee_ppm=maker,
        taker_fee_ppm=taker, low=ends[0], high=ends[1],
        measure=text_of(data, "measure")[:20] if ends[1] else "",
    )  # fmt: skip


def _kind(data: Mapping[str, Any]) -> str:
    kind = text_of(data, "event_kind") or EventKind.BINARY.value
    if kind not in EventKind.values:
        raise DomainError("kind_invalid", "Choose what the event asks.", field="event_kind")
    return kind


def _words(data: Mapping[str, Any], name: str, what: str, least: int, most: int) -> str:
    text = text_of(data, name)
    if not least <= len(text) <= most:
        raise DomainError(f"{name}_invalid", f"Give the {what} in {least} to {most} characters.", field=name)
    return text


def _code(data: Mapping[str, Any], name: str, most: int) -> str:
    code = text_of(data, name).upper()
    if not re.fullmatch(rf"[A-Z0-9]{{2,{most}}}", code):
        raise DomainError(
            f"{name}_invalid", f"Use 2 to {most} letters and digits, for example WC26.", field=name
        )
    return code


def _closes(data: Mapping[str, Any]) -> datetime:
    message = "Give the time at which trading closes, in UTC, as 2026-07-19 19:00."
    text = text_of(data, "closes").replace("T", " ")
    try:
        closes = datetime.fromisoformat(text).replace(second=0, microsecond=0)
    except ValueError:
        raise DomainError("closes_invalid", message, field="closes") from None
    closes = closes.replace(tzinfo=UTC) if closes.tzinfo is None else closes.astimezone(UTC)
    now = timezone.now()
    if closes < now + timedelta(hours=float(MIN_HOURS_OPEN)):
        raise DomainError(
            "closes_past", "Trading must close some minutes from now at the earliest.", field="closes"
        )
    if closes > now + timedelta(days=366 * MAX_YEARS_OPEN):
        raise DomainError("closes_far", f"Trading must close within {MAX_YEARS_OPEN} years.", field="closes")
    return closes


def _window(data: Mapping[str, Any]) -> int:
    least = settings.MIN_CHALLENGE_SECONDS
    hours = decimal_text(Decimal(least) / 3600)
    message = (
        f"Enter for how many hours a result can be challenged, from {hours} to {MAX_WINDOW_SECONDS // 3600}."
    )
    value = read_decimal(text_of(data, "window_hours") or "2")
    seconds = value * 3600 if value is not None else Decimal(0)
    if seconds != seconds.to_integral_value() or not least <= seconds <= MAX_WINDOW_SECONDS:
        raise DomainError("window_invalid", message, field="window_hours")
    return int(seconds)


def _outcomes(data: Mapping[str, Any], kind: str) -> list[str]:
    """Names of the markets: of a binary or scalar event one, of any other one an outcome."""
    if kind == EventKind.BINARY:
        return ["Yes"]
    if kind == EventKind.SCALAR:
        return ["Long"]
    names = [" ".join(line.split())[:60] for line in text_of(data, "outcomes").splitlines() if line.strip()]
    if not 2 <= len(names) <= MAX_OUTCOMES:
        raise DomainError(
            "outcomes_invalid", f"Name 2 to {MAX_OUTCOMES} outcomes, one a line; exactly one must happen.",
            field="outcomes",
        )  # fmt: skip
    codes = [_outcome_code(name) for name in names]
    twice = next(
        (name for name, code in zip(names, codes, strict=True) if codes.count(code) > 1 or not code), None
    )
    if twice is not None:
        raise DomainError(
            "outcomes_alike", f"“{twice}” cannot be told from another outcome by letters and digits.",
            field="outcomes",
        )  # fmt: skip
    return names


def _ends(data: Mapping[str, Any]) -> tuple[str, str]:
    """What a price of nothing and a price of one unit mean, if the deployer says so."""
    texts = text_of(data, "low"), text_of(data, "high")
    if not any(texts):
        return "", ""
    low, high = (read_decimal(text) for text in texts)
    if low is None or high is None or low >= high or any(len(text) > 24 for text in texts):
        raise DomainError(
            "ends_invalid", "Enter both ends of the range as numbers, the low one first; or neither.",
            field="high",
        )  # fmt: skip
    return decimal_text(low), decimal_text(high)


def _outcome_code(name: str) -> str:
    code = "".join(letter for letter in name.upper() if letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")[:12]
    return f"{code}X" if code in NOT_ALONE else code


def _symbols(series: str, code: str, closes: datetime, names: list[str]) -> tuple[tuple[str, str], ...]:
    stem = f"{series}-{closes:%y%m%d-%H%M}"
    if len(names) == 1:
        return ((names[0], f"{stem}-{code}"),)
    return tuple((name, f"{stem}-{_outcome_code(name)}") for name in names)


def late_outcome(series: str, closes: datetime, name: str) -> tuple[str, str]:
    """(name, symbol) of an outcome that comes late; ``outcomes_invalid`` without letters or digits."""
    name = " ".join(name.split())[:60]
    if not _outcome_code(name):
        raise DomainError("outcomes_invalid", "Name the outcome, in letters or digits.", field="outcome")
    return name, f"{series}-{closes:%y%m%d-%H%M}-{_outcome_code(name)}"


def _tick(data: Mapping[str, Any]) -> Decimal:
    text = text_of(data, "tick_size") or "0.01"
    message = f"Choose a tick of {', '.join(TICKS[:-1])} or {TICKS[-1]}."
    tick = parse_decimal(text, code="tick_invalid", message=message, field="tick_size")
    if decimal_text(tick) not in TICKS:
        raise DomainError("tick_invalid", message, field="tick_size")
    return Decimal(decimal_text(tick))


def _tick_quote(tick: Decimal, quote: Asset) -> int:
    units = in_steps(tick, Decimal(1).scaleb(-quote.scale))
    if not units:
        raise DomainError(
            "tick_lot_not_whole",
            f"{quote.symbol} has {quote.scale} decimals: a tick of {decimal_text(tick)} cannot be paid exactly.",
            field="tick_size",
        )
    return units
