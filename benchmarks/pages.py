"""What the pages cost: on the wire, on the server and in Chromium, with a trader who has a long past.

One web process on a stack of its own with its static files collected, the demo's venues, its World Cup of 86 events
and 323 markets, and a trader with 200,000 fills, 200,000 orders that are over and 50,000 bills
(``benchmarks.pages_stage``). Client, browser and stack share the machine.

- ``pages.server``: ms from asking to the whole answer, over one kept-alive connection, compressed: the 95th hundredth
  of the slowest page. ``p50`` and ``p99`` are over every sample of every page.
- ``pages.first_load``, ``pages.later``: kB of bytes of the heaviest page with all it loads, compressed with gzip: for a
  visitor who has been nowhere, and for one whose browser has kept the home page and the page itself.
- ``pages.paint``, ``pages.shift``: ms to the largest paint and the sum of layout shifts, each of the worst page.
- ``pages.frames``: frames a second of the terminal's page while its book changes twenty times a second.
"""

import http.client
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from benchmarks.pages_browser import browser_lines
from exchange_os.demo.stack import PROJECT, PrivateStack

SAMPLES, WARM_UP = 20, 2

Line = dict[str, Any]

#: Pages by who opens them; nobody is signed in where the name is empty.
PAGES: dict[str, tuple[str, ...]] = {
    "": (
        "/", "/?q=bitcoin", "/?tab=outcomes", "/events/", "/v/{venue}/", "/v/{cup}/", "/v/{cup}/events/",
        "/v/{venue}/reports/", "/v/{venue}/reports/liquidations/", "/v/{venue}/reports/funding/",
        "/v/{venue}/trade/BTC-USD/", "/v/{venue}/trade/BTC-USD-SWAP/", "/v/{cup}/event/{event}/", "/v/{venue}/api/",
        "/transparency/", "/assets/", "/style", "/accounts/login/", "/accounts/signup/", "/governance/",
        "/governance/register/", "/governance/committee/", "/governance/{decision}/", "/governance/incidents/",
        "/governance/parameters/", "/governance/proposals/",
    ),
    "trader": (
        "/", "/v/{venue}/trade/BTC-USD/", "/v/{venue}/trade/BTC-USD-SWAP/", "/v/{cup}/event/{event}/", "/account/",
        "/account/history/", "/account/history/?tab=fills", "/account/history/?tab=closed",
        "/account/history/?tab=funding", "/account/history/?tab=transfers", "/account/liquidation/",
        "/account/statements/", "/account/notifications/", "/account/exports/", "/account/security/",
        "/account/keys/", "/account/withdrawals/", "/account/credentials/",
        "/account/worth/", "/wallet/", "/wallet/history/", "/launch/",
        *(
            f"/v/{{venue}}/trade/BTC-USD-SWAP/panels/{name}/"
            for name in ("positions", "orders", "conditional", "history", "fills", "funding", "balances")
        ),
    ),
    "deployer": (
        "/deployer/", "/deployer/stake/", "/launch/",
        *(
            f"/deployer/venues/{{console}}/{tab}"
            for tab in (
                "", "markets/", "events/", "changes/", "oracles/", "revenue/", "schedule/", "access/", "compliance/",
                "fronts/", "team/", "audit/", "embed/", "api/", "settings/",
            )
        ),
        "/deployer/venues/{cup_console}/", "/deployer/venues/{cup_console}/events/",
    ),
    "member": ("/governance/{decision}/", "/governance/new/", "/governance/committee/", "/governance/proposals/new/"),
    "staff": (
        "/operator/dashboard/", "/operator/switches/", "/operator/support/?q=trader", "/operator/audit/",
        "/operator/runbook/",
    ),
}  # fmt: skip


def hundredth(samples: list[float], share: float) -> float:
    """The value below which so many of a hundred lie; of few samples the one above."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share / 100) - 1)]


def timed_get(connection: http.client.HTTPConnection, path: str, session: str) -> float:
    """Milliseconds of one request. Raises AssertionError if the page is not there."""
    headers = {"Accept-Encoding": "gzip", "Host": "127.0.0.1"}
    if session:
        headers["Cookie"] = f"sessionid={session}"
    start = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, f"{path}: {answer.status}"
    return 1000 * (time.perf_counter() - start)


def bench_server(port: int, stage: dict[str, Any]) -> Line:
    """Time of every page, one request after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    every: list[float] = []
    slow: list[tuple[float, str]] = []
    for who, paths in PAGES.items():
        for path in (path.format(**stage["places"]) for path in paths):
            session = stage["sessions"].get(who, "")
            taken = [timed_get(connection, path, session) for _ in range(WARM_UP + SAMPLES)][WARM_UP:]
            every += taken
            slow.append((hundredth(taken, 95), f"{path} {who}".strip()))
    connection.close()
    slow.sort(reverse=True)
    worst = ", ".join(f"{path} {ms:.0f}" for ms, path in slow[:5])
    return {
        "name": "pages.server", "value": round(slow[0][0], 1), "unit": "ms", "p50": round(statistics.median(every), 1),
        "p99": round(hundredth(every, 99), 1), "samples": len(every),
        "note": f"{len(slow)} pages; p95 of the slowest: {worst}",
    }  # fmt: skip


def lines(wanted: str = "") -> Iterator[Line]:
    """Start a stack, measure what begins with ``wanted``, and take the stack down."""
    stack = PrivateStack(
        extra={
            "API_RATE_FACTOR": "1000",
            "STATIC_COLLECTED": "True",
            "MIN_CHALLENGE_SECONDS": "60",
            "FEATURED_VENUE": "world-cup-2026",
        }
    )
    try:
        stack.start()
        made = subprocess.run(
            [sys.executable, "-m", "benchmarks.pages_stage"],
            cwd=PROJECT,
            env=stack.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        stage = json.loads(made.stdout.splitlines()[-1])
        with psycopg.connect(stack.postgres.owner_url, autocommit=True) as connection:
            connection.execute("ANALYZE")  # what the server does by itself within a minute
        if "pages.server".startswith(wanted) or wanted == "pages":
            yield bench_server(stack.port, stage)
        yield from browser_lines(stack.base_url, stage, wanted)
    finally:
        stack.stop()


if __name__ == "__main__":
    for result in lines(os.environ.get("BENCH_NAME", "")):
        print(json.dumps(result), flush=True)
