"""Journals in memory: batches a test writes, chained as the engine does, replayed from nothing."""

import exchange_kernel as xk

from exchange_os.engine.chain import JournalLink, chain_hash
from exchange_os.engine.replaying import Replay

GROUP = 7
USD = 1
NOBODY = 0xFFFFFFFF
START_MS = 1_764_000_000_000


class Journal:
    """A kernel that writes its journal. Every command must be taken."""

    def __init__(self) -> None:
        self.kernel = xk.Kernel(GROUP)
        self.links: list[JournalLink] = []

    def batch(self, seconds: int, *frames: bytes, refused: bool = False) -> None:
        """Apply frames so many seconds after the start."""
        now, commands = START_MS + seconds * 1000, b"".join(frames)
        applied = self.kernel.apply(commands, now)
        codes = {xk.REJECTS[ack.code][0] for ack in xk.decode_acks(applied.acks) if ack.code}
        assert bool(codes) == refused, codes
        previous = self.links[-1].hash if self.links else b""
        place = applied.first_sequence, applied.last_sequence
        link_hash = chain_hash(previous, GROUP, 1, *place, now, commands)
        self.links.append(JournalLink(*place, 1, now, commands, link_hash))

    def replay(self, first: int = 1) -> Replay:
        """The whole journal again, shown from ``first``."""
        return Replay(GROUP, self.links, first, self.kernel.sequence)


def accounts(*numbers: int, units: int = 1_000_000) -> list[bytes]:
    """Accounts with money."""
    return [
        frame
        for number in numbers
        for frame in (
            xk.open_account(number, owner=number),
            xk.deposit(number, USD, units, transfer_id=number, issued_ms=START_MS),
        )
    ]


def question() -> Journal:
    """Account 17 has bought ten Yes of 16 at 60 hundredths."""
    journal = Journal()
    journal.batch(
        0,
        xk.add_asset(USD, scale=2, symbol="USD"),
        xk.add_market(
            0, kind=xk.OUTCOME, base=NOBODY, quote=USD, lot_size=1, tick_quote=1, payout_ticks=100, band_ppm=0,
            symbol="RAIN",
        ),
        xk.add_event(0, 0, one_book=True),
        xk.set_phase(0, xk.PHASE_OPEN),
        *accounts(16, 17),
    )  # fmt: skip
    journal.batch(
        10,
        xk.place(16, 0, side=xk.SELL, price_ticks=60, size_lots=10),
        xk.place(17, 0, side=xk.BUY, price_ticks=60, size_lots=10),
    )
    return journal


def perpetual() -> Journal:
    """A perpetual at 1,000 by three sources; 17 is long at ten times its money."""
    journal = Journal()
    journal.batch(
        0,
        xk.add_asset(USD, scale=2, symbol="USD"),
        xk.add_market(
            0, kind=xk.PERPETUAL, base=NOBODY, quote=USD, lot_size=1, tick_quote=1, reference_ticks=1_000,
            band_ppm=1_000_000, symbol="PERP",
        ),
        xk.set_margin_tiers(0, [(50_000_000, 50_000, 25_000)]),
        xk.set_funding(0, impact_notional=1_000),
        xk.set_price_rules(0, step_ppm=50_000, stale_ms=3_600_000),
        observed(1_000, 1_000, 1_000),
        *accounts(16, units=10_000_000),
        *accounts(17, units=110_000),
    )  # fmt: skip
    journal.batch(
        5,
        xk.set_phase(0, xk.PHASE_OPEN),
        xk.place(16, 0, side=xk.SELL, price_ticks=1_000, size_lots=1_000),
        xk.place(17, 0, side=xk.BUY, price_ticks=1_000, size_lots=1_000),
    )
    return journal


def observed(*ticks: int, seconds: int = 0) -> bytes:
    """What sources 1, 2, 3 ... say."""
    return xk.observe_prices(
        [
            (xk.PRICE_INDEX, 0, number, price, START_MS + seconds * 1000)
            for number, price in enumerate(ticks, 1)
        ]
    )
