"""Bars gathered from stored minutes: where they start, what they hold, how they page."""

import pytest

from exchange_os.engine.models import Candle as Minute
from trading.selectors.candles import BARS, DAY_MS, HOUR_MS, MINUTE_MS, bar_name, bar_start, candles, next_bar

GROUP, MARKET = 7001, 0
NOON = 1_795_219_200_000 // DAY_MS * DAY_MS + 12 * HOUR_MS  # Saturday 2026-11-21 12:00 UTC


def minute(at_ms: int, open_: int, high: int, low: int, close: int, lots: int) -> None:
    """Store one minute."""
    Minute.objects.create(
        group_id=GROUP, market=MARKET, minute_ms=at_ms, open=open_, high=high, low=low, close=close,
        volume_lots=lots, quote_volume=lots * 10, trades=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bar", "start"),
    [
        ("1m", "2026-11-21T12:34"),
        ("5m", "2026-11-21T12:30"),
        ("4H", "2026-11-21T12:00"),
        ("1D", "2026-11-21T00:00"),
        ("1W", "2026-11-16T00:00"),
        ("1M", "2026-11-01T00:00"),
        ("3M", "2026-10-01T00:00"),
    ],
)
def test_a_bar_starts_in_utc_and_weeks_on_mondays(bar: str, start: str) -> None:
    from_text = int(__import__("datetime").datetime.fromisoformat(start + "+00:00").timestamp() * 1000)
    moment = NOON + 34 * MINUTE_MS + 5
    assert bar_start(bar, moment) == from_text
    assert bar_start(bar, next_bar(bar, from_text) - 1) == from_text
    assert next_bar(bar, next_bar(bar, from_text), -1) == from_text


def test_bars_may_be_named_with_utc() -> None:
    assert bar_name("6Hutc") == "6H"
    assert bar_name("7m") is None
    assert all(bar_name(bar) == bar for bar in BARS)


@pytest.mark.django_db
def test_a_bar_holds_first_highest_lowest_last_and_all_volume() -> None:
    minute(NOON, 100, 110, 95, 105, 3)
    minute(NOON + MINUTE_MS, 106, 120, 101, 102, 4)

    bar = candles(GROUP, MARKET, "5m", now_ms=NOON + 2 * MINUTE_MS, limit=10)

    assert len(bar) == 1
    found = bar[0]
    assert (found.open_ticks, found.high_ticks, found.low_ticks, found.close_ticks) == (100, 120, 95, 102)
    assert (found.volume_lots, found.quote_volume, found.closed) == (7, 70, False)


@pytest.mark.django_db
def test_a_bar_without_trades_repeats_the_last_close() -> None:
    minute(NOON, 100, 110, 95, 105, 3)
    minute(NOON + 3 * MINUTE_MS, 107, 107, 107, 107, 1)

    bars = candles(GROUP, MARKET, "1m", now_ms=NOON + 4 * MINUTE_MS, limit=10)

    assert [bar.start_ms for bar in bars] == [NOON + step * MINUTE_MS for step in (4, 3, 2, 1, 0)]
    assert [bar.close_ticks for bar in bars] == [107, 107, 105, 105, 105]
    assert [bar.volume_lots for bar in bars] == [0, 1, 0, 0, 3]
    assert [bar.closed for bar in bars] == [False, True, True, True, True]


@pytest.mark.django_db
@pytest.mark.parametrize("bar", BARS)
def test_pages_of_bars_fit_together(bar: str) -> None:
    for step in range(5):
        minute(NOON - step * 3 * HOUR_MS, 100 + step, 200, 50, 100 - step, 1)
    whole = candles(GROUP, MARKET, bar, now_ms=NOON, limit=300)
    newest = candles(GROUP, MARKET, bar, now_ms=NOON, limit=2)
    older = candles(GROUP, MARKET, bar, now_ms=NOON, limit=300, older_than_ms=newest[-1].start_ms)
    newer = candles(GROUP, MARKET, bar, now_ms=NOON, limit=300, newer_than_ms=newest[-1].start_ms)

    assert newest == whole[:2]
    assert (newest + older)[: len(whole)] == whole
    assert newer == [candle for candle in whole if candle.start_ms > newest[-1].start_ms]


@pytest.mark.django_db
def test_a_market_that_never_traded_has_no_candles() -> None:
    assert candles(GROUP, 99, "1m", now_ms=NOON, limit=10) == []
