"""A steady load on a risk group of its own, until standard input is closed. Runs inside a private stack.

Prints the group's number when its markets are open, and when the load has ended how many commands were sent, those that
opened the markets among them, and how many a second.
"""

import itertools
import json
import sys
import threading
import time

import django

django.setup()

from benchmarks.load import PORTION, Submission, fresh_group, in_loop, pace, regroup  # noqa: E402
from benchmarks.mix import make_mix, setup_commands  # noqa: E402
from exchange_os.engine import client  # noqa: E402

RATE = 500
SIZE = 10
SECOND = RATE // SIZE


def main() -> None:
    """Open the markets, send, and say what was sent."""
    submissions = regroup(make_mix(60 * RATE, PORTION), SIZE, 60 * RATE)
    group = fresh_group()
    client.close()
    print(group, flush=True)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    started, sent = time.monotonic(), in_loop(lambda: steadily(group, submissions, over))
    rate = sent / (time.monotonic() - started)
    print(json.dumps({"sent": sent + len(setup_commands()), "rate": rate}), flush=True)


async def steadily(group: int, submissions: list[Submission], over: threading.Event) -> int:
    """Send a second's worth after the other until it is over; how many commands."""
    sent = 0
    for at in itertools.count(step=SECOND):
        some = submissions[at : at + SECOND]
        if over.is_set() or not some:
            return sent
        await pace(group, some, 1 / SECOND)
        sent += len(some) * SIZE
    raise AssertionError


if __name__ == "__main__":
    main()
