"""Random command streams over a spot market and two perpetuals, for a kernel and the model side by side."""

import json
from random import Random
from typing import Any

import exchange_kernel as xk

from tests.margin_model.follower import Group, Spot
from tests.margin_model.risk import Haircut, Perpetual, Tier

USD, BTC = 1, 2
SPOT, FIRST, SECOND = 0, 1, 2
PERPETUALS = (FIRST, SECOND)
ACCOUNTS = tuple(range(16, 22))
START_MS = 1_700_000_000_000
TAKER_PPM = 500
TIERS = ((300_000, 20_000, 10_000), (1_000_000, 50_000, 25_000), (50_000_000, 200_000, 100_000))
HAIRCUTS = ((40_000, 100_000), (200_000, 400_000))
MARKS = {SPOT: 1_000, FIRST: 1_000, SECOND: 500}


class Stream:
    """One kernel, its model, and the dice."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.kernel = xk.Kernel(seed + 1)
        self.now_ms = START_MS
        self.transfers = 0
        self.marks = dict(MARKS)
        self.model = Group(settlement=USD)
        self._open()

    def _open(self) -> None:
        """Assets, markets, collateral, accounts; the model is told the same."""
        model = self.model
        market = {
            "lot_size": 1,
            "maker_ppm": TAKER_PPM,
            "taker_ppm": TAKER_PPM,
            "band_ppm": 500_000,
            "quote": USD,
        }
        frames = [
            xk.add_asset(USD, scale=2, symbol="USD"),
            xk.add_asset(BTC, scale=4, symbol="BTC"),
            xk.add_market(
                SPOT,
                base=BTC,
                tick_quote=1,
                symbol="SPOT",
                reference_ticks=1_000,
                **{**market, "lot_size": 10},
            ),
        ]
        for number in PERPETUALS:
            frames.append(
                xk.add_market(
                    number, kind=xk.PERPETUAL, base=0xFFFFFFFF, tick_quote=number, symbol=f"PERP{number}",
                    reference_ticks=MARKS[number], **market,
                )
            )  # fmt: skip
            frames += [
                xk.set_margin_tiers(number, list(TIERS)),
                xk.set_funding(number, impact_notional=1_000),
            ]
            tiers = [Tier(*tier) for tier in TIERS]
            model.perpetuals[number] = Perpetual(number, tiers, MARKS[number])
        frames += [xk.set_collateral(SPOT, list(HAIRCUTS))]
        frames += [xk.set_phase(number, xk.PHASE_OPEN) for number in MARKS]
        frames += [xk.set_price_rules(number, stale_ms=3_600_000) for number in MARKS]
        frames += [xk.set_liquidation_rules(slice_notional=200_000, fund_cap=400_000)]
        model.spots[SPOT] = Spot(BTC, USD, 10, 1)
        model.haircuts[BTC] = (SPOT, [Haircut(*tier) for tier in HAIRCUTS])
        model.collateral_ticks[SPOT] = 1_000
        model.taker_ppm = dict.fromkeys(MARKS, TAKER_PPM)
        frames += [xk.open_account(account, owner=account) for account in ACCOUNTS]
        for frame in frames:
            assert self.apply(frame).code == 0
        self.deposit(xk.INSURANCE, USD, 50_000)
        for account in ACCOUNTS:
            self.deposit(account, USD, self.random.choice((20_000, 100_000, 500_000)))
            self.deposit(account, BTC, self.random.choice((0, 0, 60_000, 300_000)))

    def apply(self, frame: bytes) -> xk.Ack:
        """One command; the model follows its events and takes over marks and funding as observed."""
        applied = self.kernel.apply(frame, self.now_ms)
        self.model.follow(xk.decode_events(applied.events))
        prices = self.ask(q="prices")["markets"]
        for price in prices:
            if price["market"] in PERPETUALS and price["index_ticks"]:
                self.model.perpetuals[price["market"]].mark_ticks = price["mark_ticks"]
            if price["market"] == SPOT and price["index_ticks"]:
                self.model.collateral_ticks[SPOT] = price["collateral_ticks"]
        return xk.decode_acks(applied.acks)[0]

    def ask(self, **question: Any) -> dict[str, Any]:
        return dict(json.loads(self.kernel.query(json.dumps(question).encode())))

    def deposit(self, account: int, asset: int, amount: int) -> None:
        if amount == 0:
            return
        self.transfers += 1
        ack = self.apply(
            xk.deposit(account, asset, amount, transfer_id=self.transfers, issued_ms=self.now_ms)
        )
        if ack.code == 0 and account >= xk.FIRST_USER_ACCOUNT:
            self.model.balance(account, asset, amount)

    def withdraw(self, account: int, amount: int) -> xk.Ack:
        self.transfers += 1
        frame = xk.withdraw(account, USD, amount, transfer_id=self.transfers, issued_ms=self.now_ms)
        ack = self.apply(frame)
        if ack.code == 0:
            self.model.balance(account, USD, -amount)
        return ack

    def observe(self) -> None:
        """A step of the clock and, mostly, of a price."""
        self.now_ms += self.random.choice((100, 3_000, 3_000, 900_000))
        market = self.random.choice(tuple(MARKS))
        width = self.random.choice((5, 10, 40))
        self.marks[market] = max(50, self.marks[market] + self.random.randint(-width, width))
        seen = [
            (xk.PRICE_INDEX, number, source, ticks, self.now_ms)
            for number, ticks in self.marks.items()
            for source in (1, 2, 3)
        ]
        self.apply(xk.observe_prices(seen))

    def place(self, account: int) -> tuple[xk.Ack, dict[str, int]]:
        """A random order; what it was."""
        random = self.random
        market = random.choice((SPOT, FIRST, FIRST, SECOND, SECOND))
        price = self.marks[market] + random.randint(-12, 12)
        order = {
            "side": random.randint(0, 1),
            "price_ticks": price,
            "size_lots": random.choice((1, 7, 60, 250, 900)),
            "tif": random.choice((xk.GTC, xk.GTC, xk.IOC)),
            "reduce_only": market != SPOT and random.random() < 0.1,
        }
        ack = self.apply(xk.place(account, market, **order))  # type: ignore[arg-type]
        return ack, {**order, "market": market}
