"""What a change of a venue's rules costs to try out on its own journal.

- ``change.simulate``: seconds to replay 1,000,000 journaled commands twice, as they were and with tighter margin tiers
  of the perpetual and dearer fees of the spot market applied at the start; the commands are those of
  ``benchmarks.mix_markets`` in rows of 1,000, laid into the journal directly. Rows are read from PostgreSQL and their
  chain of hashes is checked; nothing is kept from a run to the next. Median of three.
- ``change.fees``: the same with dearer fees of both markets alone, and what the trades of each market paid added up,
  as the page of fees shows it.
"""

import json
import os
import statistics
import time

from benchmarks.servers import start_servers

start_servers()

import exchange_kernel as kernel  # noqa: E402

from benchmarks.mix_markets import PERPETUAL, SPOT, make_mix, setup_commands  # noqa: E402
from exchange_os.engine import journal  # noqa: E402
from exchange_os.engine.models import JournalBatch, RiskGroup  # noqa: E402
from exchange_os.engine.services import create_group  # noqa: E402
from exchange_os.engine.simulation import simulate_change  # noqa: E402

COMMANDS = 1_000_000
PORTION = 1_000
RUNS = 3


def lay_journal(rows: list[tuple[bytes, int]]) -> int:
    """A group whose journal holds these rows, each a millisecond after the one before."""
    group = int(create_group().pk)
    sequence, previous, now_ms = 0, b"", time.time_ns() // 1_000_000
    laid = []
    for commands, count in rows:
        now_ms += 1
        last = sequence + count
        digest = journal.chain_hash(previous, group, 1, sequence + 1, last, now_ms, commands)
        laid.append(
            JournalBatch(
                group_id=group, first_sequence=sequence + 1, last_sequence=last, epoch=1, now_ms=now_ms,
                commands=commands, previous_hash=previous, hash=digest, stream_cursor="0-0",
            )
        )  # fmt: skip
        sequence, previous = last, digest
    JournalBatch.objects.bulk_create(laid, batch_size=100)
    RiskGroup.objects.filter(pk=group).update(head_sequence=sequence, head_hash=previous)
    return group


def fee_change() -> list[bytes]:
    """Dearer fees of both markets."""
    return [
        kernel.set_market_params(
            market, maker_ppm=200, taker_ppm=800, protocol_share_ppm=200_000, band_ppm=500_000
        )
        for market in (SPOT, PERPETUAL)
    ]


def measure(name: str, group: int, change: list[bytes], *, by_market: bool) -> dict[str, object]:
    """The figure of one change, tried on the group's whole journal."""
    seconds, shares = [], []
    for _ in range(RUNS):
        found = simulate_change(
            group, change, COMMANDS, lambda done, whole: shares.append(done / whole), by_market=by_market
        )
        seconds.append(found.seconds)
    note = (
        f"{found.before.commands} commands twice; refused {sum(found.before.refused.values())} and"
        f" {sum(found.after.refused.values())}, fees differ: {found.before.fees != found.after.fees},"
        f" trades {sum(charged.trades for charged in found.before.charged.values())},"
        f" progress told {len(shares) // RUNS} times; median of {RUNS}, slowest {max(seconds):.2f} s"
    )
    return {
        "name": name, "value": round(statistics.median(seconds), 3), "unit": "s", "p50": None,
        "p99": None, "samples": RUNS, "note": note,
    }  # fmt: skip


def main() -> None:
    """Measure and print the figures."""
    setup = setup_commands()
    rows = [(b"".join(setup), len(setup)), *((row, PORTION) for row in make_mix(COMMANDS, PORTION))]
    group = lay_journal(rows)
    rules = [kernel.set_margin_tiers(PERPETUAL, [(10**12, 100_000, 50_000)]), fee_change()[0]]
    asked = os.environ.get("BENCH_NAME", "")
    for name, change, by_market in (
        ("change.simulate", rules, False),
        ("change.fees", fee_change(), True),
    ):
        if asked in ("", "change", name):
            print(json.dumps(measure(name, group, change, by_market=by_market)), flush=True)


if __name__ == "__main__":
    main()
