"""The group a price replay runs in: one settlement asset, one perpetual, a cast of traders of mixed leverage,
makers and an insurance fund.

The settlement asset has six decimals. Tick and lot are chosen by the first price, so that a tick of a lot is
a hundred units: 0.1 and 0.001 above ten thousand, else 0.01 and 0.01. The recorded price is the only source
there is, so one source counts as enough; a bar's price stands until the next one.
"""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

import exchange_kernel as xk

from exchange_os.engine.scratch import scratch_kernel

USD = 1
UNIT = 1_000_000
MARKET = 0
TICK_QUOTE = 100
FIRST_TRADER = 1_000
MAKERS = tuple(range(100, 104))
MAKER_CASH = 40_000_000 * UNIT
FUND_CASH = 1_000_000 * UNIT
#: (value up to, initial ppm, maintenance ppm): 100x at most, dearer with size.
TIERS = [
    (200_000 * UNIT, 10_000, 5_000),
    (1_000_000 * UNIT, 20_000, 10_000),
    (5_000_000 * UNIT, 50_000, 25_000),
    (200_000_000 * UNIT, 100_000, 50_000),
]
#: Leverage of a trader, and of how many in a hundred.
LEVERAGES = ((2, 15), (3, 15), (5, 20), (10, 20), (20, 15), (50, 10), (100, 5))


@dataclass(slots=True)
class Trader:
    """One account. ``stake`` is what it pays in each time; times in milliseconds."""

    account: int
    leverage: int
    stake: int
    lots: int = 0
    until_ms: int = 0
    paid_in: int = 0


@dataclass(slots=True)
class Stage:
    """The kernel, its cast, and the clock of the replay."""

    kernel: xk.Kernel
    tick_e8: int
    lot_divisor: int
    traders: list[Trader] = field(default_factory=list)
    transfers: int = 0

    def ticks(self, price_e8: int) -> int:
        """A recorded price in whole ticks, at least one."""
        return max(1, price_e8 // self.tick_e8)

    def lots(self, units: int, price_ticks: int) -> int:
        """Lots worth that many units of the settlement asset at a price."""
        return units // (price_ticks * TICK_QUOTE)

    def deposit(self, account: int, amount: int, now_ms: int) -> bytes:
        self.transfers += 1
        return xk.deposit(account, USD, amount, transfer_id=self.transfers, issued_ms=now_ms)

    def ask(self, **question: Any) -> dict[str, Any]:
        """One query of the kernel."""
        return dict(json.loads(self.kernel.query(json.dumps(question).encode())))


def open_stage(price_e8: int, now_ms: int, accounts: int, seed: int) -> Stage:
    """List the market at the first price, open and fund everybody."""
    coarse = price_e8 >= 10_000 * 10**8
    stage = Stage(scratch_kernel(), 10**7 if coarse else 10**6, 1_000 if coarse else 100)
    kernel, random = stage.kernel, Random(seed)
    frames = [
        xk.set_limits(max_accounts=2_000_000),
        xk.add_asset(USD, scale=6, symbol="USD"),
        xk.add_market(
            MARKET, kind=xk.PERPETUAL, base=0xFFFFFFFF, quote=USD, lot_size=1, tick_quote=TICK_QUOTE,
            reference_ticks=stage.ticks(price_e8), maker_ppm=0, taker_ppm=500, band_ppm=50_000,
            slippage_ppm=20_000, symbol="REPLAY-PERP",
        ),
        xk.set_margin_tiers(MARKET, TIERS),
        xk.set_price_rules(MARKET, full_sources=1, stale_ms=120_000, interval_ms=5_000),
        xk.set_funding(MARKET, impact_notional=20_000 * UNIT),
        xk.set_liquidation_rules(slice_notional=100_000 * UNIT, fund_cap=5_000_000 * UNIT),
        xk.set_phase(MARKET, xk.PHASE_OPEN),
        stage.deposit(xk.INSURANCE, FUND_CASH, now_ms),
    ]  # fmt: skip
    for maker in MAKERS:
        frames += [xk.open_account(maker, owner=maker), stage.deposit(maker, MAKER_CASH, now_ms)]
    weights = [weight for _, weight in LEVERAGES]
    for number in range(accounts):
        leverage = random.choices(LEVERAGES, weights)[0][0]
        stake = 200 * UNIT * 2 ** random.randrange(5 if leverage >= 50 else 8)
        trader = Trader(FIRST_TRADER + number, leverage, stake, paid_in=stake)
        stage.traders.append(trader)
        frames += [
            xk.open_account(trader.account, owner=trader.account),
            stage.deposit(trader.account, stake, now_ms),
            xk.set_leverage(trader.account, MARKET, leverage=leverage),
        ]
    applied = kernel.apply(b"".join(frames), now_ms)
    refused = [ack for ack in xk.decode_acks(applied.acks) if ack.code]
    assert not refused, f"the stage is refused: {xk.REJECTS[refused[0].code]}"
    return stage
