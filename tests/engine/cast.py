"""The cast of the engine's tests: one market, a maker and a taker, and what they say."""

import time

import exchange_kernel as kernel

from exchange_os.engine import client
from exchange_os.engine.wire import Ack, unpack_acks

MARKET = 0
BASE, QUOTE = 1, 2
MAKER, TAKER = 16, 17
FUNDS = 10**12


def setup_commands(accounts: tuple[int, ...] = (MAKER, TAKER), first_transfer: int = 1) -> list[bytes]:
    """Assets, an open market, and funded accounts."""
    now = time.time_ns() // 1_000_000
    commands = [
        kernel.add_asset(BASE, scale=8, symbol="BTC"),
        kernel.add_asset(QUOTE, scale=6, symbol="USD"),
        kernel.add_market(
            MARKET, base=BASE, quote=QUOTE, lot_size=1_000, tick_quote=10, reference_ticks=1_000,
            maker_ppm=100, taker_ppm=500, protocol_share_ppm=200_000, band_ppm=500_000, symbol="BTC-USD",
        ),
        kernel.set_phase(MARKET, kernel.PHASE_OPEN),
    ]  # fmt: skip
    transfer = first_transfer
    for account in accounts:
        commands.append(kernel.open_account(account, owner=account))
        for asset in (BASE, QUOTE):
            commands.append(kernel.deposit(account, asset, FUNDS, transfer_id=transfer, issued_ms=now))
            transfer += 1
    return commands


def open_market(group: int, accounts: tuple[int, ...] = (MAKER, TAKER)) -> None:
    """List the market and fund the accounts."""
    commands = setup_commands(accounts)
    acks = unpack_acks(client.submit_packed(group, b"".join(commands), len(commands), 20.0))
    assert all(ack.code == 0 for ack in acks), [kernel.REJECTS[ack.code] for ack in acks]


def order(
    account: int = MAKER,
    side: int = kernel.BUY,
    price: int = 990,
    size: int = 1,
    client_id: str = "",
    **options: int,
) -> bytes:
    """One limit order."""
    return kernel.place(
        account, MARKET, side=side, price_ticks=price, size_lots=size, client_id=client_id, **options
    )


def send(group: int, command: bytes, seconds: float = 20.0) -> Ack:
    """Submit one command from this thread."""
    return client.submit(group, command, seconds)


def crossing_flow(count: int, first: int = 0) -> list[bytes]:
    """``count`` orders around one price which keep meeting each other."""
    return [
        order(
            MAKER if number % 2 else TAKER,
            kernel.BUY if number % 2 else kernel.SELL,
            1_000 + number % 3 - 1,
            1 + number % 5,
        )
        for number in range(first, first + count)
    ]
