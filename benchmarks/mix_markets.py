"""The mix of ``pipeline.mixed``: a spot market, a perpetual and a question, generated once from a fixed seed.

1,000 margin accounts; 40% of the commands go to the spot market, 40% to the perpetual, 20% to the question (one book,
prices 1 to 99, a third of the orders for the No). In each: half adds away from the touch, 42% cancels once 3,000
orders rest, 8% crossing orders; client ids on every fourth order; fees, holds and margin. The first command of every
thousand observes the index of the perpetual, which walks at random, so its mark moves and the margins with it. Spot is
collateral. Order ids are those the kernel will give, which a kernel of our own tells while the mix is made.
"""

import random
import struct
import time

import exchange_kernel as kernel

ACCOUNTS = 1_000
FIRST_ACCOUNT = 16
RESTING = 3_000
FUNDS = 10**13
SPOT, PERPETUAL, QUESTION = 0, 1, 2
MIDS = {SPOT: 10_000, PERPETUAL: 10_000, QUESTION: 50}
WIDTHS = {SPOT: (60, 20), PERPETUAL: (60, 20), QUESTION: (30, 10)}
_ACK = struct.Struct(kernel.ACK_FORMAT)
_NOBODY = 0xFFFFFFFF


def setup_commands() -> list[bytes]:
    """Assets, the three open markets and 1,000 funded accounts."""
    now = time.time_ns() // 1_000_000
    rules = {
        "quote": 2, "tick_quote": 1, "maker_ppm": 100, "taker_ppm": 500, "protocol_share_ppm": 200_000,
        "max_matches": 1_000,
    }  # fmt: skip
    walks = {"reference_ticks": 10_000, "band_ppm": 500_000}
    commands = [
        kernel.add_asset(1, scale=8, symbol="BTC"),
        kernel.add_asset(2, scale=6, symbol="USD"),
        kernel.add_market(SPOT, base=1, lot_size=1_000, symbol="BTC-USD", **walks, **rules),
        kernel.add_market(
            PERPETUAL, kind=kernel.PERPETUAL, base=_NOBODY, lot_size=1, symbol="BTC-PERP", **walks, **rules
        ),
        kernel.set_margin_tiers(PERPETUAL, [(10**12, 20_000, 10_000)]),
        kernel.set_funding(PERPETUAL, impact_notional=100_000),
        kernel.add_market(
            QUESTION, kind=kernel.OUTCOME, base=_NOBODY, lot_size=1, payout_ticks=100, band_ppm=0, symbol="RAIN",
            **rules,
        ),
        kernel.add_event(0, QUESTION, one_book=True),
        kernel.set_collateral(SPOT, [(10**14, 100_000)]),
    ]  # fmt: skip
    commands += [kernel.set_phase(market, kernel.PHASE_OPEN) for market in MIDS]
    commands += [kernel.set_price_rules(market, stale_ms=3_600_000) for market in (SPOT, PERPETUAL)]
    for index in range(ACCOUNTS):
        account = FIRST_ACCOUNT + index
        commands.append(kernel.open_account(account, owner=account))
        for asset in (1, 2):
            transfer = 2 * index + asset
            commands.append(kernel.deposit(account, asset, FUNDS, transfer_id=transfer, issued_ms=now))
    return commands


def make_mix(count: int, portion: int, seed: int = 11) -> list[bytes]:
    """``count`` commands in packed portions of ``portion``, to follow ``setup_commands`` in a fresh group.

    RuntimeError if the kernel refuses more than one in twenty (cancels of orders that filled meanwhile).
    """
    draws = random.Random(seed)
    oracle = kernel.Kernel(1)
    oracle.apply(b"".join(setup_commands()), time.time_ns() // 1_000_000)
    live: dict[int, list[tuple[int, int]]] = {market: [] for market in MIDS}
    mids = dict(MIDS)
    portions: list[bytes] = []
    refused = 0
    for _ in range(count // portion):
        now = time.time_ns() // 1_000_000
        mids[PERPETUAL] = max(9_950, min(10_050, mids[PERPETUAL] + draws.randint(-2, 2)))
        seen = [
            (kernel.PRICE_INDEX, market, source, mids[market], now)
            for market in (SPOT, PERPETUAL)
            for source in (1, 2, 3)
        ]
        made = [(kernel.observe_prices(seen), 0, SPOT)]
        made += [_command(draws, live, mids) for _ in range(portion - 1)]
        packed = b"".join(frame for frame, _, _ in made)
        applied = oracle.apply(packed, now)
        refused += applied.rejected
        for (_, owner, market), ack in zip(made, _ACK.iter_unpack(applied.acks), strict=True):
            if owner and ack[4] == kernel.STATE_OPEN:
                live[market].append((ack[0], owner))
        portions.append(packed)
    if refused * 20 > count:
        raise RuntimeError(f"the kernel refuses {refused} of {count} commands of the mix")
    return portions


def _command(
    draws: random.Random, live: dict[int, list[tuple[int, int]]], mids: dict[int, int]
) -> tuple[bytes, int, int]:
    """One frame, the account whose order it may leave in the book (0 for none), and the market."""
    market = draws.choices((SPOT, PERPETUAL, QUESTION), (40, 40, 20))[0]
    kind, orders = draws.random(), live[market]
    account, side = FIRST_ACCOUNT + draws.randrange(ACCOUNTS), draws.randrange(2)
    if kind < 0.42 and len(orders) > RESTING:
        place = draws.randrange(len(orders))
        orders[place], orders[-1] = orders[-1], orders[place]
        order_id, owner = orders.pop()
        return kernel.cancel(owner, market, order_id=order_id), 0, market
    crossing = kind > 0.92
    behind, through = WIDTHS[market]
    away = draws.randint(1, through) if crossing else -draws.randint(1, behind)
    price = mids[market] + away if side == kernel.BUY else mids[market] - away
    no_side = market == QUESTION and draws.random() < 1 / 3
    client_id = f"c{draws.getrandbits(60):x}" if draws.random() < 0.25 else ""
    frame = kernel.place(
        account, market, side=1 - side if no_side else side, price_ticks=100 - price if no_side else price,
        size_lots=draws.randint(1, 4 if crossing else 10), client_id=client_id, no_side=no_side,
        tif=kernel.IOC if crossing else kernel.GTC,
    )  # fmt: skip
    return frame, 0 if crossing else account, market
