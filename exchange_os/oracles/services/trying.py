"""Asking a source once before it is a market's: what it says now, with nothing kept and nothing told."""

from collections.abc import Iterable
from typing import Any

from exchange_os.oracles.models import PriceSource
from exchange_os.oracles.readings import Reading, SourceError
from exchange_os.oracles.services.observing import read_all

TIMEOUT_MS = 2_000


def try_sources(
    sources: Iterable[tuple[str, dict[str, Any]]], timeout_ms: int = TIMEOUT_MS
) -> list[Reading | SourceError]:
    """What each (kind, config) says, in order, all asked at once within ``timeout_ms``; pushed ones are not asked."""
    return read_all(
        [
            PriceSource(pk=number, kind=kind, config=config, timeout_ms=timeout_ms)
            for number, (kind, config) in enumerate(sources, start=1)
        ]
    )
