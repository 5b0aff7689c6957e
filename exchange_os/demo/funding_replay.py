"""Recorded funding rates against our formula: what premium must a market have had, and what does a kernel charge then?

Our rate of 8 hours is ``F = P + clamp(i - P, -c, c)`` of the mean premium ``P``, with interest ``i`` 0.01 % and ``c``
0.05 %. So a recorded rate ``r`` names the premium: ``r + c`` if it is above ``i``, ``r - c`` if below; at ``i`` any
premium within ``c`` of it does. For each recorded interval that premium is put into a real book around a steady
index, the kernel samples and pays hour by hour, and the sum of what it paid is compared with what was recorded. What
remains is explained by three things:

- **rounding**: a premium in 10^-9 and a price in whole ticks are cut; less than 10^-8 an interval;
- **caps**: a recorded rate stops at its venue's cap (0.375 % of many); ours, 4 % an hour, is never reached by them;
- **intervals**: rates of one hour are compared with one of our hours, as an eighth of 8 hours.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

import exchange_kernel as xk

from exchange_os.engine.scratch import scratch_kernel
from exchange_os.errors import DomainError

ONE = 10**9
INTEREST, CLAMP = 100_000, 500_000
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
START_MS = 1_600_000_000_000 // HOUR_MS * HOUR_MS
USD, MARKET = 1, 0
INDEX = 10**9
LOTS = 1_000
MAKER, LONG, SHORT = 16, 17, 18
CASH = 10**17
COLUMNS = ("funding_time_s", "venue", "symbol", "rate")


class Rate(NamedTuple):
    """One recorded rate, in parts of 10^9 an interval of ``hours``."""

    time_s: int
    rate: int
    hours: int


@dataclass(slots=True)
class Comparison:
    """One series, recorded and charged, in parts of 10^9. ``capped``: recorded rates as large as any of the series."""

    name: str
    intervals: int = 0
    at_interest: int = 0
    recorded: int = 0
    charged: int = 0
    largest: int = 0
    capped: int = 0
    faults: list[str] = field(default_factory=list)


def read_rates(path: Path) -> dict[str, list[Rate]]:
    """Series by ``venue symbol``, oldest first. Raises ``DomainError`` ``funding_file_unreadable``."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="ascii") as stream:
                rows = _rows(stream)
        else:
            with path.open(encoding="ascii") as stream:
                rows = _rows(stream)
        found: dict[str, list[tuple[int, int]]] = {}
        for time_s, venue, symbol, rate in rows:
            parts = int((Decimal(rate) * ONE).to_integral_value())
            found.setdefault(f"{venue} {symbol}", []).append((int(time_s), parts))
    except (OSError, EOFError, KeyError, ValueError, InvalidOperation) as error:
        raise DomainError("funding_file_unreadable", f"{path} cannot be read: {error!r}.") from error
    return {name: _with_hours(sorted(rates)) for name, rates in sorted(found.items())}


def _rows(stream: IO[str]) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in COLUMNS) for row in csv.DictReader(stream)]


def _with_hours(rates: list[tuple[int, int]]) -> list[Rate]:
    """Each rate with the hours since the one before, as far as that is 1 or 8; others are left out."""
    pairs = pairwise(rates)
    spans = ((time_s, rate, (time_s - before) // 3_600) for (before, _), (time_s, rate) in pairs)
    return [Rate(*span) for span in spans if span[2] in (1, 8)]


def premium_of(rate: Rate) -> int:
    """The mean premium that makes our formula charge a recorded rate, in 10^-9."""
    eight = rate.rate * 8 // rate.hours
    if eight == INTEREST:
        return INTEREST
    return eight + CLAMP if eight > INTEREST else eight - CLAMP


def replay(name: str, rates: list[Rate], intervals: int) -> Comparison:
    """Charge up to ``intervals`` of a series, evenly chosen, and compare."""
    chosen = rates[:: max(1, len(rates) // max(1, intervals))][:intervals]
    result, market = Comparison(name), _Market()
    for rate in chosen:
        charged = market.charge(premium_of(rate), rate.hours)
        result.intervals += 1
        result.at_interest += rate.rate * 8 // rate.hours == INTEREST
        result.recorded += rate.rate
        result.charged += charged
        result.largest = max(result.largest, abs(charged - rate.rate))
    highest = max(abs(rate.rate) for rate in rates)
    result.capped = sum(abs(rate.rate) == highest for rate in rates)
    result.faults = market.close(result.charged)
    return result


def report_lines(results: list[Comparison]) -> Iterator[str]:
    """The summary table, line by line; rates in millionths."""
    row = "{:<18}{:>10}{:>10}{:>12}{:>12}{:>10}{:>8}"
    yield row.format("series", "intervals", "at 0.01 %", "recorded", "charged", "largest", "at most")
    for one in results:
        count = max(1, one.intervals)
        recorded, charged = (f"{total / 1_000 / count:.3f}" for total in (one.recorded, one.charged))
        share, largest = f"{100 * one.at_interest / count:.1f} %", f"{one.largest / 1_000:.3f}"
        yield row.format(one.name, one.intervals, share, recorded, charged, largest, one.capped)
        yield from (f"  fault: {fault}" for fault in one.faults)
    yield "recorded, charged: mean of an interval, largest: difference in one, all in millionths of the notional"
    yield "at most: recorded rates as far from zero as any of the series, which is where its venue caps them"


class _Market:
    """A kernel with one perpetual at a steady index, a long and a short of the same size, and a maker."""

    def __init__(self) -> None:
        self.kernel = scratch_kernel()
        self.now_ms = START_MS
        self.hours = 0
        frames = [
            xk.add_asset(USD, scale=6, symbol="USD"),
            xk.add_market(
                MARKET, kind=xk.PERPETUAL, base=0xFFFFFFFF, quote=USD, lot_size=1, tick_quote=1,
                reference_ticks=INDEX, band_ppm=0, symbol="FUNDING-PERP",
            ),
            xk.set_price_rules(MARKET, full_sources=1, stale_ms=120_000),
            xk.set_funding(MARKET, impact_notional=INDEX),
            xk.set_phase(MARKET, xk.PHASE_OPEN),
        ]  # fmt: skip
        for account in (MAKER, LONG, SHORT):
            frames.append(xk.open_account(account, owner=account))
            frames.append(xk.deposit(account, USD, CASH, transfer_id=account, issued_ms=self.now_ms))
        frames += [self._order(SHORT, xk.SELL, INDEX, LOTS), self._order(LONG, xk.BUY, INDEX, LOTS)]
        self._apply(*frames)
        self.now_ms += HOUR_MS

    def charge(self, premium: int, hours: int) -> int:
        """Let a premium stand for whole hours; what the long was charged of its notional, in 10^-9."""
        bid, ask = _quotes(premium)
        self.hours += hours
        # A second before the hour begins: what is sampled in it is this book alone.
        self._apply(
            xk.mass_cancel(MAKER, market=MARKET),
            self._order(MAKER, xk.BUY, bid, 10),
            self._order(MAKER, xk.SELL, ask, 10),
            at_ms=self.now_ms - 1_000,
        )
        for _ in range(hours):
            for _ in range(60):
                self._tell()
                self.now_ms += MINUTE_MS
            self._apply(xk.tick(), at_ms=self.now_ms - 1_000)
        shown = self._ask(q="funding", market=MARKET, limit=hours - 1)
        return sum((rate for _, rate, _ in shown["history"]), shown["accrued"])

    def close(self, charged: int) -> list[str]:
        """Close the positions at the index; what does not add up to the unit."""
        self._apply(
            xk.mass_cancel(MAKER, market=MARKET),
            self._order(SHORT, xk.BUY, INDEX, LOTS),
            self._order(LONG, xk.SELL, INDEX, LOTS),
        )
        long, short = (
            self._ask(q="account", account=a)["balances"][0]["total"] - CASH for a in (LONG, SHORT)
        )
        dust = self._ask(q="assets")["assets"][0]["dust"]
        faults = [] if long + short + dust == 0 else [f"paid {-long}, received {short}, dust {dust}"]
        # Each hour's rate is shown to 10^-9 and charged to 10^-12 of the notional.
        if abs(-long - charged * LOTS) > LOTS * self.hours:
            faults.append(f"the long paid {-long}, its rates say {charged * LOTS}")
        self.kernel.check_invariants()
        return faults

    def _order(self, account: int, side: int, price: int, lots: int) -> bytes:
        return xk.place(account, MARKET, side=side, price_ticks=price, size_lots=lots)

    def _tell(self) -> None:
        self._apply(xk.observe_prices([(xk.PRICE_INDEX, MARKET, 1, INDEX, self.now_ms)]))

    def _apply(self, *frames: bytes, at_ms: int | None = None) -> None:
        applied = self.kernel.apply(b"".join(frames), self.now_ms if at_ms is None else at_ms)
        refused = [ack.code for ack in xk.decode_acks(applied.acks) if ack.code]
        assert not refused, xk.REJECTS[refused[0]]

    def _ask(self, **question: Any) -> dict[str, Any]:
        return dict(json.loads(self.kernel.query(json.dumps(question).encode())))


def _quotes(premium: int) -> tuple[int, int]:
    """Best bid and ask of a premium in 10^-9 of the index: the bid above it, or the ask below."""
    away = INDEX * premium // ONE
    if premium > 0:
        return INDEX + away, INDEX + away + 1
    if premium < 0:
        return INDEX + away - 1, INDEX + away
    return INDEX - 1, INDEX + 1
