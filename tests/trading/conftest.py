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
PIT_PEOPLE = 61  # a pair for each test that asks for one, and one with BTC


@pytest.fixture(scope="package")
def stack() -> Iterator[PrivateStack]:
    """Database, broker, web server and workers of their own."""
    made = PrivateStack(extra={"API_RATE_FACTOR": "5"})  # limits a whole suite stays under
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _set(stack: PrivateStack, module: str, people: int) -> dict:
    """Run a module that sets a stage on the stack; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", module, str(people)],
        cwd=PROJECT,
        env=stack.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{stack.complaints()}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="package")
def stage(stack: PrivateStack) -> dict:
    """The venue and its cast, as ``tests.trading.stage`` prints them."""
    return _set(stack, "tests.trading.stage", PEOPLE)


@pytest.fixture(scope="package")
def pit(stack: PrivateStack) -> dict:
    """A venue of contracts and its cast, as ``tests.trading.contract_stage`` prints them."""
    return _set(stack, "tests.trading.contract_stage", PIT_PEOPLE)


@pytest.fixture(scope="package")
def pit_address(stack: PrivateStack, pit: dict) -> VenueAddress:
    """Where the venue of contracts is."""
    return VenueAddress(stack.base_url, pit["venue"])


_next_pair = count()


@pytest.fixture
def pair(pit_address: VenueAddress, pit: dict) -> Iterator[tuple[Trader, Trader]]:
    """A maker and a taker of contracts whom no test had before; their orders are cancelled afterwards."""
    first = 2 * next(_next_pair)
    maker, taker = (Trader(pit_address, person) for person in pit["people"][first : first + 2])
    yield maker, taker
    for trader in (maker, taker):
        trader.post("/trade/mass-cancel", {})
        trader.close()


@pytest.fixture(scope="package")
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
