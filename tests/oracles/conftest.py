"""Fixtures of the oracle tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.oracles.world import World


@pytest.fixture
def world(settings: Any) -> Iterator[World]:
    """The world outside, on this machine; asking private addresses is allowed."""
    settings.ORACLE_ALLOW_PRIVATE = True
    made = World()
    yield made
    made.close()
