"""One fixed stream of commands over all three market types, and what a kernel makes of it.

``kernel/tests/mixed_stream.bin`` holds it: for each batch its time in ms (u64), its length (u32), both little-endian,
and its frames. ``kernel/tests/mixed_stream.txt`` holds the state root after it and FNV-1a (64 bits) of what it said.
The Rust tests (opt-level 1, debug assertions) and the Python tests (the release build) replay the same bytes and must
meet the same file. After a change of commands, events or state: ``python -m tests.mixed_stream`` writes both anew.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import exchange_kernel as xk

FOLDER = Path(__file__).resolve().parent.parent / "kernel" / "tests"
STREAM, GOLDEN = FOLDER / "mixed_stream.bin", FOLDER / "mixed_stream.txt"
GROUP = 11
SEED = 20
BATCHES = 900
START_MS = 1_700_000_000_000
USD, BTC = 1, 2
SPOT, PERP, OTHER, OUTCOMES = 0, 1, 2, (3, 4, 5)
PRICED = (SPOT, PERP, OTHER)
PAYOUT_TICKS = 100
ACCOUNTS = tuple(range(16, 28))
NOBODY = 0xFFFFFFFF
_HEAD = struct.Struct("<QI")


def opening() -> list[bytes]:
    """Assets, a spot market, two perpetuals, an event of three outcomes, accounts and their funds."""
    rules = {"quote": USD, "maker_ppm": -100, "taker_ppm": 700, "protocol_share_ppm": 300_000}
    frames = [
        xk.add_asset(USD, scale=2, symbol="USD"),
        xk.add_asset(BTC, scale=4, symbol="BTC"),
        xk.add_market(
            SPOT, base=BTC, lot_size=10, tick_quote=1, reference_ticks=1_000, band_ppm=500_000, symbol="S", **rules
        ),
    ]  # fmt: skip
    for market in (PERP, OTHER):
        frames += [
            xk.add_market(
                market, kind=xk.PERPETUAL, base=NOBODY, lot_size=1, tick_quote=market, reference_ticks=1_000,
                band_ppm=500_000, symbol=f"P{market}", **rules,
            ),
            xk.set_margin_tiers(market, [(300_000, 20_000, 10_000), (50_000_000, 100_000, 50_000)]),
            xk.set_funding(market, impact_notional=1_000),
        ]  # fmt: skip
    for market in OUTCOMES:
        frames.append(
            xk.add_market(
                market, kind=xk.OUTCOME, base=NOBODY, lot_size=1, tick_quote=7, payout_ticks=PAYOUT_TICKS,
                band_ppm=0, symbol=f"O{market}", **rules,
            )
        )  # fmt: skip
    frames += [
        xk.add_event(0, OUTCOMES[0], outcomes=len(OUTCOMES)),
        xk.set_collateral(SPOT, [(40_000, 100_000), (200_000, 400_000)]),
        xk.set_liquidation_rules(slice_notional=200_000, fund_cap=400_000),
    ]
    frames += [xk.set_phase(market, xk.PHASE_OPEN) for market in (*PRICED, *OUTCOMES)]
    frames += [xk.set_price_rules(market, stale_ms=3_600_000) for market in PRICED]
    frames.append(xk.deposit(xk.INSURANCE, USD, 50_000, transfer_id=1, issued_ms=START_MS))
    for account in ACCOUNTS:
        number, purse = 2 * account, (60_000, 150_000, 900_000)[account % 3]
        frames += [
            xk.open_account(account, owner=account),
            xk.deposit(account, USD, purse, transfer_id=number, issued_ms=START_MS),
            xk.deposit(account, BTC, 60_000, transfer_id=number + 1, issued_ms=START_MS),
        ]
    return frames


def algo(random: Random, account: int, market: int, price: int, name: str) -> bytes:
    """A trigger, a trailing stop, a pair of legs, an iceberg or a TWAP."""
    order = {
        "account": account, "market": market, "side": random.randint(0, 1), "size_lots": random.choice((5, 40, 200)),
        "client_id": name, "reduce_only": False, "quote_size": False, "whole_position": False, "stp": 0,
        "deadline_ms": 0, "key": 0, "builder": 0,
    }  # fmt: skip
    above, below = price + random.randint(2, 20), price - random.randint(2, 20)
    kind = random.randrange(4)
    if kind == 0:
        return xk.place_trigger(order, (random.choice((above, below)), 0, random.randint(0, 1), None))
    if kind == 1:
        return xk.place_trailing(order, (0, 0, 0, True), random.randint(3, 15), 0)
    if kind == 2:
        profit, stop = (above, 0, 0, True), (below, 0, 0, False)
        return xk.place_oco(order, *((stop, profit) if order["side"] == xk.BUY else (profit, stop)))
    interval = random.choice((0, 5_000))
    limit = above if order["side"] == xk.BUY else below
    return xk.place_slices(order, limit_ticks=limit, slice_lots=5, interval_ms=interval)


def one(random: Random, marks: dict[int, int], number: int) -> bytes:
    """A random command of an account."""
    account, kind = random.choice(ACCOUNTS), random.randrange(100)
    market = random.choice((SPOT, PERP, PERP, OTHER, *OUTCOMES))
    price = marks[market] + random.randint(-8, 8)
    if kind < 70:
        outcome = market in OUTCOMES
        return xk.place(
            account, market, side=random.randint(0, 1), price_ticks=max(1, min(price, 99) if outcome else price),
            size_lots=random.choice((1, 9, 40) if outcome else (1, 7, 60, 250, 900)),
            tif=random.choice((xk.GTC, xk.GTC, xk.IOC)), no_side=outcome and random.random() < 0.3,
            client_id=f"c{number}" if random.random() < 0.2 else "",
        )  # fmt: skip
    if kind < 80:
        return algo(random, account, random.choice(PRICED), price, f"a{number}")
    if kind < 84:
        return xk.mass_cancel(account, side=random.randint(0, 2))
    if kind < 88:
        return xk.close_position(account, random.choice((PERP, OTHER)))
    if kind < 92:
        return xk.set_leverage(account, random.choice((PERP, OTHER)), leverage=random.choice((5, 20, 50)))
    if kind < 96:
        return xk.split_outcomes(account, 0, lots=random.randint(1, 9))
    return xk.merge_outcomes(account, 0, lots=random.randint(1, 9))


def make() -> Iterator[tuple[int, bytes]]:
    """(time in ms, packed frames) of every batch: the same ones each time."""
    random, now_ms = Random(SEED), START_MS
    marks = {**dict.fromkeys(PRICED, 1_000), **dict.fromkeys(OUTCOMES, 33)}
    yield now_ms, b"".join(opening())
    for batch in range(BATCHES):
        now_ms += random.choice((100, 3_000, 3_000, 900_000))
        market = random.choice(PRICED)
        marks[market] = max(200, marks[market] + random.randint(-60, 60))
        seen = [(xk.PRICE_INDEX, market, source, marks[market], now_ms) for source in (1, 2, 3)]
        frames = [xk.observe_prices(seen)]
        frames += [one(random, marks, 4 * batch + at) for at in range(3)]
        yield now_ms, b"".join([*frames, xk.tick()])
    yield now_ms, xk.resolve_event(0, [(0, 60), (2, 40)], is_final=True) + xk.tick()
    yield now_ms + 1_000, xk.tick()


def read(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The batches of a stream file."""
    at = 0
    while at < len(data):
        now_ms, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        yield now_ms, data[at : at + length]
        at += length


def play(data: bytes) -> tuple[str, Counter[str]]:
    """What the golden file says of a stream, and how often each event happened."""
    kernel, told, seen = xk.Kernel(GROUP), 0xCBF29CE484222325, Counter[str]()
    for now_ms, frames in read(data):
        applied = kernel.apply(frames, now_ms)
        for byte in applied.acks + applied.events:
            told = (told ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        seen.update(event["kind"] for event in xk.decode_events(applied.events))
    kernel.check_invariants()
    return f"events {told:016x} root {kernel.state_root().hex()}\n", seen


def main() -> None:
    """Write the stream and what this build makes of it."""
    data = b"".join(_HEAD.pack(now_ms, len(frames)) + frames for now_ms, frames in make())
    golden, seen = play(data)
    STREAM.write_bytes(data)
    GOLDEN.write_text(golden)
    print(f"{len(data):,} bytes; {golden.strip()}; {dict(seen)}")


if __name__ == "__main__":
    main()
