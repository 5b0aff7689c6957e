"""Playing recorded bars through a kernel: makers quote, traders open and close, the price moves as recorded,
and who can no longer carry a position is liquidated.

A bar becomes four observations, fifteen seconds apart: open, then low and high in the order that leads to the
close, then close. At each, makers quote anew around it (thinner the wider the bar is), the price is observed,
and some traders act. Between two, the kernel's own timers run when they are due: the index walks on, funding
is sampled, liquidations go on. Everything is drawn from one seed, so the same file and seed give the same
state root.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

import exchange_kernel as xk

from exchange_os.demo.order_events import BadRow
from exchange_os.demo.price_bars import Bar
from exchange_os.demo.price_stage import MAKERS, MARKET, TICK_QUOTE, UNIT, Stage, Trader
from exchange_os.demo.progress import Progress

POINT_MS = 15_000
SOURCE = 1
LEVELS = 5
LEVEL_VALUE = 200_000 * UNIT
HALF_SPREAD_PPM = 200
STEP_PPM = 400
CALM_RANGE_PPM = 2_000
REQUOTE_PPM = 500
HOLD_MINUTES = (10, 4_320)
ROWS_NAMED = 20
MARGIN_REJECT = "RISK_MARGIN"


@dataclass(slots=True)
class Tally:
    """What a replay did; times in seconds, amounts in units of the settlement asset."""

    rows: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    bad_row_count: int = 0
    first_e8: int = 0
    low_e8: int = 0
    high_e8: int = 0
    last_e8: int = 0
    commands: int = 0
    trades: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    deposited: int = 0
    deleveraged: int = 0
    liquidated: set[int] = field(default_factory=set)
    returns: int = 0
    fund_low: int = 0
    fund_high: int = 0
    carried_high: int = 0
    queue_high: int = 0
    slowest_seconds: float = 0.0
    kernel_seconds: float = 0.0
    seconds: float = 0.0


def path_of(bar: Bar) -> list[tuple[int, int]]:
    """(time in ms, price in 1e-8) of the four points a bar is played as."""
    rising = bar.close_e8 >= bar.open_e8
    middle = (bar.low_e8, bar.high_e8) if rising else (bar.high_e8, bar.low_e8)
    prices = (bar.open_e8, *middle, bar.close_e8)
    return [(bar.time_ms + at * POINT_MS, price) for at, price in enumerate(prices)]


class PriceReplay:
    """One replay in progress: the stage, the random numbers and the tally."""

    def __init__(self, stage: Stage, seed: int, orders_per_bar: int, tally: Tally) -> None:
        self._stage = stage
        self._random = Random(seed + 1)
        self._per_bar = orders_per_bar
        self._tally = tally
        self._quoted = (0, 0)
        self._inventory = dict.fromkeys(MAKERS, 0)
        self._by_account = {trader.account: trader for trader in stage.traders}
        self._hour_ago = 0
        self._bars = 0

    def play(self, rows: Iterable[Bar | BadRow], progress: Progress) -> None:
        """Play all bars in order; bad rows are counted and the first of them kept."""
        started = time.monotonic()
        tally = self._tally
        for row in rows:
            tally.rows += 1
            progress.show(tally.rows)
            if isinstance(row, BadRow):
                tally.bad_row_count += 1
                tally.bad_rows += [row] if len(tally.bad_rows) < ROWS_NAMED else []
                continue
            tally.first_e8 = tally.first_e8 or row.open_e8
            tally.low_e8 = min(tally.low_e8 or row.low_e8, row.low_e8)
            tally.high_e8 = max(tally.high_e8, row.high_e8)
            tally.last_e8 = row.close_e8
            self._play_bar(row)
        tally.seconds = time.monotonic() - started
        progress.end()

    def _play_bar(self, bar: Bar) -> None:
        """The four points of one bar."""
        range_ppm = (bar.high_e8 - bar.low_e8) * 1_000_000 // bar.open_e8
        if self._bars % 60 == 0:
            self._hour_ago = bar.open_e8
            self._look()
        self._bars += 1
        acting = self._random.sample(self._stage.traders, min(self._per_bar, len(self._stage.traders)))
        for at, (now_ms, price_e8) in enumerate(path_of(bar)):
            self._run_timers(now_ms)
            ticks = self._stage.ticks(price_e8)
            frames = list(self._quotes(ticks, range_ppm))
            frames += [xk.observe_prices([(xk.PRICE_INDEX, MARKET, SOURCE, ticks, now_ms)]), xk.tick()]
            self._apply(frames, now_ms)
            self._trade(acting[at::4], ticks, price_e8, now_ms)

    def _run_timers(self, until_ms: int) -> None:
        """Let the kernel do what falls due before the next point."""
        kernel = self._stage.kernel
        while (due_ms := kernel.next_timer_ms) is not None and due_ms < until_ms:
            self._apply([xk.tick()], max(due_ms, kernel.now_ms))

    def _quotes(self, ticks: int, range_ppm: int) -> Iterator[bytes]:
        """Makers cancel and quote anew if the price left their quotes; levels are thin in a wide bar."""
        thinness = 1 + range_ppm // CALM_RANGE_PPM
        last, last_thinness = self._quoted
        if last and thinness == last_thinness and abs(ticks - last) * 1_000_000 < last * REQUOTE_PPM:
            return
        self._quoted = (ticks, thinness)
        for number, maker in enumerate(MAKERS):
            yield xk.mass_cancel(maker, market=MARKET)
            value = LEVEL_VALUE // thinness
            size = max(1, self._stage.lots(value, ticks))
            skew = -self._inventory[maker] * ticks * TICK_QUOTE * 2_000 // (20_000_000 * UNIT)
            for level in range(LEVELS):
                away = HALF_SPREAD_PPM * thinness // 2 + HALF_SPREAD_PPM + STEP_PPM * level + 50 * number
                away = min(away, 30_000)
                for side, sign in ((xk.BUY, -1), (xk.SELL, 1)):
                    price = ticks + ticks * (sign * away + max(-5_000, min(5_000, skew))) // 1_000_000
                    yield xk.place(
                        maker, MARKET, side=side, price_ticks=max(1, price), size_lots=size, post_only=True
                    )

    def _trade(self, acting: Iterable[Trader], ticks: int, price_e8: int, now_ms: int) -> None:
        """Some traders act: who has nothing opens, who has held long enough closes."""
        frames: list[bytes] = []
        openers: list[tuple[int, Trader, int]] = []
        for trader in acting:
            if trader.lots and now_ms < trader.until_ms:
                continue
            if trader.lots:
                frames.append(xk.close_position(trader.account, MARKET))
                trader.lots = 0
                continue
            side = self._side(price_e8)
            share = 500 + self._random.randrange(400)
            lots = self._stage.lots(trader.stake * trader.leverage * share // 1_000, ticks)
            if lots == 0:
                continue
            openers.append((len(frames), trader, -lots if side else lots))
            frames.append(
                xk.place(trader.account, MARKET, side=side, order_type=xk.MARKET, tif=xk.IOC, size_lots=lots)
            )
        acks = self._apply(frames, now_ms, answers=True)
        back: list[bytes] = []
        for at, trader, lots in openers:
            ack = acks[at]
            if ack.code and xk.REJECTS[ack.code][0] == MARGIN_REJECT:
                back.append(self._stage.deposit(trader.account, trader.stake, now_ms))
                trader.paid_in += trader.stake
                self._tally.returns += 1
            elif ack.filled_lots:
                trader.lots = ack.filled_lots if lots > 0 else -ack.filled_lots
                trader.until_ms = now_ms + 60_000 * self._random.randint(*HOLD_MINUTES)
        if back:
            self._apply(back, now_ms)

    def _side(self, price_e8: int) -> int:
        """Most follow the last hour, and more buy than sell."""
        falling = price_e8 < self._hour_ago
        drawn = self._random.randrange(100)
        return xk.SELL if drawn < (45 if falling else 35) else xk.BUY

    def _apply(self, frames: list[bytes], now_ms: int, answers: bool = False) -> list[xk.Ack]:
        """Apply one batch, time it, and take note of what it did; its acks if asked for."""
        if not frames:
            return []
        kernel, tally = self._stage.kernel, self._tally
        started = time.perf_counter()
        applied = kernel.apply(b"".join(frames), now_ms)
        seconds = time.perf_counter() - started
        tally.kernel_seconds += seconds
        tally.slowest_seconds = max(tally.slowest_seconds, seconds)
        tally.commands += applied.count
        tally.trades += applied.trades
        if applied.bills_count:
            self._note_bills(applied.bills_copy)
        acks = xk.decode_acks(applied.acks) if applied.rejected or answers else []
        if applied.rejected:
            tally.rejected.update(xk.REJECTS[ack.code][0] for ack in acks if ack.code)
        return acks

    def _note_bills(self, bills_copy: bytes) -> None:
        """Who was liquidated or deleveraged; the fund's lowest and highest."""
        tally = self._tally
        seen = False
        for bill in xk.decode_copy_bills(bills_copy):
            account, kind = bill[3], bill[5]
            if kind in (xk.BILL_KINDS["liquidation"], xk.BILL_KINDS["adl"]):
                trader = self._by_account.get(account)
                if trader is not None:
                    trader.lots = 0
                    trader.until_ms = 0
                if kind == xk.BILL_KINDS["adl"]:
                    tally.deleveraged += 1
                elif trader is not None:
                    tally.liquidated.add(account)
                seen = True
        if seen:
            self._look_at_fund()

    def _look_at_fund(self) -> None:
        fund = self._stage.ask(q="insurance")
        tally = self._tally
        tally.fund_low = min(tally.fund_low, fund["equity"]) if tally.fund_high else fund["equity"]
        tally.fund_high = max(tally.fund_high, fund["equity"])
        tally.carried_high = max(tally.carried_high, fund["notional"])
        tally.queue_high = max(tally.queue_high, fund["waiting"])

    def _look(self) -> None:
        """Once an hour: what the makers hold, and the fund."""
        for maker in MAKERS:
            positions = self._stage.ask(q="account", account=maker).get("positions", [])
            self._inventory[maker] = sum(position["lots"] for position in positions)
        self._look_at_fund()
