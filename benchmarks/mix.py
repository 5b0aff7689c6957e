"""The order mix of the pipeline benchmarks, generated once from a fixed seed.

50% adds away from the touch, 42% cancels, 8% crossing orders which meet one or two resting ones; the mid walks at
random within +-50 ticks; about 10,000 resting orders of 1,000 accounts, client ids on every fourth order, holds, fees.
A thousand commands store some 220 fills and 130 closed orders. (The kernel's own mix, with 30% cancels, can only stay
at 10,000 resting orders by trading three times as much; cancels are what a real book is full of.) Order ids are those
the kernel will give, which a kernel of our own tells while the mix is made; the same bytes suit every fresh group.
"""

import random
import struct
import time

import exchange_kernel as kernel

ACCOUNTS = 1_000
FIRST_ACCOUNT = 16
RESTING = 10_000
MID_TICKS = 10_000
FUNDS = 10**15
_ACK = struct.Struct(kernel.ACK_FORMAT)


def setup_commands() -> list[bytes]:
    """Two assets, an open market and 1,000 funded accounts."""
    now = time.time_ns() // 1_000_000
    commands = [
        kernel.add_asset(1, scale=8, symbol="BTC"),
        kernel.add_asset(2, scale=6, symbol="USD"),
        kernel.add_market(
            0, base=1, quote=2, lot_size=1_000, tick_quote=1, reference_ticks=MID_TICKS, maker_ppm=100,
            taker_ppm=500, protocol_share_ppm=200_000, band_ppm=500_000, max_matches=1_000, symbol="BTC-USD",
        ),
        kernel.set_phase(0, kernel.PHASE_OPEN),
    ]  # fmt: skip
    for index in range(ACCOUNTS):
        account = FIRST_ACCOUNT + index
        commands.append(kernel.open_account(account, owner=account))
        for asset in (1, 2):
            transfer = 2 * index + asset
            commands.append(kernel.deposit(account, asset, FUNDS, transfer_id=transfer, issued_ms=now))
    return commands


def make_mix(count: int, portion: int, seed: int = 7) -> list[bytes]:
    """``count`` commands in packed portions of ``portion``, to follow ``setup_commands`` in a fresh group."""
    draws = random.Random(seed)
    oracle = kernel.Kernel(1)
    oracle.apply(b"".join(setup_commands()), time.time_ns() // 1_000_000)
    live: list[tuple[int, int]] = []
    mid = MID_TICKS
    portions: list[bytes] = []
    made = 0
    while made < count:
        frames: list[bytes] = []
        owners: list[int] = []
        for _ in range(portion):
            mid += draws.randint(-1, 1) if draws.random() < 0.02 else 0
            mid = max(MID_TICKS - 50, min(MID_TICKS + 50, mid))
            frame, owner = _command(draws, live, mid, made == 0)
            frames.append(frame)
            owners.append(owner)
        packed = b"".join(frames)
        acks = oracle.apply(packed, time.time_ns() // 1_000_000).acks
        for owner, ack in zip(owners, _ACK.iter_unpack(acks), strict=True):
            if owner and ack[4] == kernel.STATE_OPEN:
                live.append((ack[0], owner))
        portions.append(packed)
        made += portion
    return portions


def _command(draws: random.Random, live: list[tuple[int, int]], mid: int, filling: bool) -> tuple[bytes, int]:
    """One frame, and the account whose order it may leave in the book (0 for a cancel)."""
    kind = draws.random()
    account = FIRST_ACCOUNT + draws.randrange(ACCOUNTS)
    side = draws.randrange(2)
    if not filling and live and kind < 0.42 and len(live) > RESTING // 2:
        place = draws.randrange(len(live))
        live[place], live[-1] = live[-1], live[place]
        order_id, owner = live.pop()
        return kernel.cancel(owner, 0, order_id=order_id), 0
    crossing = kind > 0.92
    away = draws.randint(1, 20) if crossing else -draws.randint(1, 60)
    price = mid + away if side == kernel.BUY else mid - away
    client_id = f"c{draws.getrandbits(60):x}" if draws.random() < 0.25 else ""
    frame = kernel.place(
        account, 0, side=side, price_ticks=price, size_lots=draws.randint(1, 4 if crossing else 10),
        client_id=client_id, tif=kernel.IOC if crossing else kernel.GTC,
    )  # fmt: skip
    return frame, 0 if crossing else account
