"""Prices of recorded bars: a CSV file, plain or gzipped, of the folder ``ORACLE_REPLAY_DIR``, told bar by bar.

Bar ``k`` (from ``started_ms``, every ``bar_ms``) tells its ``column`` as if published now; after the last one the
source is silent.
"""

import csv
import gzip
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.conf import settings as django_settings

from exchange_os.errors import DomainError
from exchange_os.oracles.adapters import settings
from exchange_os.oracles.readings import Reading, SourceError, exact_decimal

MAX_BARS = 1_000_000
COLUMNS = "open|high|low|close"


def check(config: dict[str, Any]) -> None:
    """``file`` (a name in the folder), ``column``, ``bar_ms``, ``started_ms``."""
    name = settings.text(config, "file", r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}")
    settings.text(config, "column", COLUMNS, default="close")
    settings.number(config, "bar_ms", 1_000, 86_400_000, default=60_000)
    settings.number(config, "started_ms", 0, 2**53, default=0)
    if not (Path(django_settings.ORACLE_REPLAY_DIR) / name).is_file():
        raise DomainError("source_config_invalid", "There is no recording of this name.", field="file")


def read(config: dict[str, Any], timeout_ms: int, now_ms: int) -> Reading:
    """The price of the bar that is due now. Raises ``SourceError`` ``ended``, or ``malformed`` for its line."""
    bars = _column(
        str(Path(django_settings.ORACLE_REPLAY_DIR) / config["file"]), config.get("column", "close")
    )
    at = (now_ms - config.get("started_ms", 0)) // config.get("bar_ms", 60_000)
    if not 0 <= at < len(bars):
        raise SourceError("ended", "the recording has no bar for this time")
    return Reading(exact_decimal(bars[at]), now_ms)


@lru_cache(maxsize=16)
def _column(path: str, column: str) -> tuple[str, ...]:
    """One column of a recording, as text."""
    try:
        if path.endswith(".gz"):
            with gzip.open(path, "rt", encoding="ascii") as stream:
                return _cells(stream, column)
        with Path(path).open(encoding="ascii") as stream:
            return _cells(stream, column)
    except (OSError, EOFError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError("malformed", "the recording cannot be read") from error


def _cells(stream: IO[str], column: str) -> tuple[str, ...]:
    return tuple(row[column] or "" for row in islice(csv.DictReader(stream), MAX_BARS))
