"""A whole private exchange for the trading tests, started once, with a venue and a cast of funded traders."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import count

import pytest

from exchange_os.demo.stack import PROJECT, PrivateStack
from tests.trading.client import Trader, VenueAddress

PEOPLE = 8


@pytest.fixture(scope="session")
def stack() -> Iterator[PrivateStack]:
    """Database, broker, web server and workers of their own."""
    made = PrivateStack(extra={"API_RATE_FACTOR": "5"})  # limits a whole suite stays under
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def stage(stack: PrivateStack) -> dict:
    """The venue and its cast, as ``tests.trading.stage`` prints them."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.trading.stage", str(PEOPLE)],
        cwd=PROJECT,
        env=stack.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{stack.complaints()}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def address(stack: PrivateStack, stage: dict) -> VenueAddress:
    """Where the venue is."""
    return VenueAddress(stack.base_url, stage["venue"])


_next_person = count()


@pytest.fixture
def traders(address: VenueAddress, stage: dict) -> Iterator[list[Trader]]:
    """Two traders who have not been used by the test before, in turn; their orders are cancelled afterwards."""
    people = stage["people"]
    chosen = [Trader(address, people[next(_next_person) % len(people)]) for _ in range(2)]
    yield chosen
    for trader in chosen:
        trader.post("/trade/mass-cancel", {})
        trader.close()


@pytest.fixture
def maker(traders: list[Trader]) -> Trader:
    """Someone who rests orders."""
    return traders[0]


@pytest.fixture
def taker(traders: list[Trader]) -> Trader:
    """Someone who takes them."""
    return traders[1]
