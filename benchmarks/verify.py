"""What anybody's check costs: a journal of 10,000,000 commands, and the liabilities tree of 1,000,000 accounts.

``verify.journal``: seconds of ``python -m exchange_kernel verify`` over 10,000,000 commands of the pipeline's mix (seed
7) in batches of 4,000, from the page cache, in a process of its own. It is ten times the same flow of 1,000,000, each
by a thousand accounts of its own, and the book is cleared in between. ``liabilities.tree``: seconds to build, pack and
prove the tree of 1,000,000 users, in memory, without the database.
"""

import hashlib
import json
import os
import secrets
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import exchange_kernel as kernel
from exchange_kernel.journal_file import HEADER, batch_bytes, start_bytes

from benchmarks import mix
from exchange_os.transparency import merkle

COMMANDS = 10_000_000
ROUND = 1_000_000
PORTION = 4_000
RUNS = 3
USERS = 1_000_000
FUNDS = 10**14
#: Members of frames, see kernel/WIRE.md.
ACCOUNT, ACCOUNT_AT = struct.Struct("<I"), 4
ORDER_ID, ORDER_ID_AT = struct.Struct("<Q"), 16


def frames() -> Iterator[bytes]:
    """The frames of the journal, batch by batch: every round is the same flow of other accounts."""
    portions = mix.make_mix(ROUND, PORTION)
    layouts = [_layout(portion) for portion in portions]
    clear = b"".join(kernel.mass_cancel(mix.FIRST_ACCOUNT + index) for index in range(mix.ACCOUNTS))
    placed = sum(len(accounts) - len(cancels) for accounts, cancels in layouts)
    for number in range(COMMANDS // ROUND):
        yield _newcomers(number) if number else b"".join(mix.setup_commands())
        for portion, layout in zip(portions, layouts, strict=True):
            yield _moved(portion, number, number * placed, layout)
        yield _moved(clear, number, 0, _layout(clear))


def _newcomers(number: int) -> bytes:
    """The funded accounts of a later round."""
    now, made = time.time_ns() // 1_000_000, []
    for index in range(mix.ACCOUNTS):
        account = mix.FIRST_ACCOUNT + number * mix.ACCOUNTS + index
        made.append(kernel.open_account(account, owner=account))
        made += [
            kernel.deposit(account, asset, FUNDS, transfer_id=2 * account + asset + 10**6, issued_ms=now)
            for asset in (1, 2)
        ]
    return b"".join(made)


def _layout(frames: bytes) -> tuple[list[int], list[int]]:
    """Offsets of all frames, and of those that cancel."""
    starts, cancels, at = [], [], 0
    while at < len(frames):
        starts.append(at)
        if frames[at + 2] == kernel.KINDS["cancel"]:
            cancels.append(at)
        at += int.from_bytes(frames[at : at + 2], "little")
    return starts, cancels


def _moved(frames: bytes, number: int, ids: int, layout: tuple[list[int], list[int]]) -> bytes:
    """The frames of round ``number``: accounts of its own, cancels that name order ids ``ids`` further."""
    if not number:
        return frames
    moved, more = bytearray(frames), number * mix.ACCOUNTS
    for at in layout[0]:
        ACCOUNT.pack_into(moved, at + ACCOUNT_AT, ACCOUNT.unpack_from(frames, at + ACCOUNT_AT)[0] + more)
    for at in layout[1]:
        ORDER_ID.pack_into(moved, at + ORDER_ID_AT, ORDER_ID.unpack_from(frames, at + ORDER_ID_AT)[0] + ids)
    return bytes(moved)


def write_journal(path: Path) -> int:
    """Write the journal file; how many commands it has."""
    now_ms, sequence, previous = time.time_ns() // 1_000_000, 0, b""
    with path.open("wb") as file:
        file.write(start_bytes(1))
        for batch in frames():
            numbers = (1, 1, sequence + 1, sequence + kernel.count_commands(batch), now_ms)
            previous = hashlib.sha256(previous + HEADER.pack(*numbers) + batch).digest()
            file.write(batch_bytes(numbers, batch, previous))
            sequence = numbers[3]
    return sequence


def measure_journal() -> None:
    """Print ``verify.journal``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.journal"
        commands = write_journal(path)
        times = []
        for _ in range(RUNS):
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "exchange_kernel", "verify", str(path), "--json"],
                check=True, capture_output=True,
            )  # fmt: skip
            times.append(time.perf_counter() - started)
            assert json.loads(done.stdout)["commands"] == commands
        _line("verify.journal", times, f"{commands:,} commands, {path.stat().st_size / 1e6:.0f} MB")


def measure_tree() -> None:
    """Print ``liabilities.tree``."""
    times = []
    for _ in range(RUNS):
        owed = [(user, user * 7919 % 10**12) for user in range(1, USERS + 1)]
        started = time.perf_counter()
        built = merkle.build(secrets.token_bytes(32), owed)
        merkle.pack_levels(built.levels)
        times.append(time.perf_counter() - started)
        assert built.root[1] == sum(units for _, units in owed)
    _line("liabilities.tree", times, f"{USERS:,} users")


def _line(name: str, times: list[float], note: str) -> None:
    times = sorted(times)
    print(
        json.dumps({
            "name": name, "value": round(times[len(times) // 2], 2), "unit": "s", "samples": len(times), "note": note,
        }),
        flush=True,
    )  # fmt: skip


def main() -> None:
    """Print the figures that were asked for."""
    wanted = os.environ.get("BENCH_NAME", "")
    for name, measure in (("verify.journal", measure_journal), ("liabilities.tree", measure_tree)):
        if not wanted or name.startswith(wanted) or wanted.startswith(name.split(".")[0]):
            measure()


if __name__ == "__main__":
    main()
