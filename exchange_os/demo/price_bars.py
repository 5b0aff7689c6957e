"""Reading recorded one-minute bars: CSV, plain or gzipped, with a time and the columns open, high, low, close.

The time column is ``timestamp`` (``YYYY-MM-DD hh:mm:ss[.ffffff]``, UTC) or ``open_time_s`` (whole seconds since 1970).
Prices are decimals with up to eight places. A row that cannot be right is yielded as :class:`BadRow` with its
line number and the first reason, and reading goes on.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from exchange_os.demo.order_events import GZIP_MAGIC, BadRow
from exchange_os.errors import DomainError

PRICE_SCALE = 8
TIME_COLUMNS = ("timestamp", "open_time_s")
PRICE_COLUMNS = ("open", "high", "low", "close")

_DECIMAL = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,8}))?\Z")
_SECONDS = re.compile(r"[0-9]{1,11}\Z")


class PriceFileError(DomainError):
    """The file as a whole holds no bars: it is missing, unreadable or has other columns."""


class Bar(NamedTuple):
    """One minute. Prices are whole 1e-8 of the quote unit; ``time_ms`` is its first millisecond since 1970."""

    line: int
    time_ms: int
    open_e8: int
    high_e8: int
    low_e8: int
    close_e8: int


def read_bars(path: Path) -> Iterator[Bar | BadRow]:
    """Yield the bars of ``path`` in file order; what cannot be read, or runs backwards in time, as :class:`BadRow`.

    Raises :class:`PriceFileError` at the first item when the file is missing, unreadable or lacks the columns.
    """
    last_ms = -1
    with _open_text(path) as stream:
        try:
            header = stream.readline()
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise PriceFileError("price_file_unreadable", f"{path} cannot be read: {error}.") from error
        time_column, positions = _columns(path, header)
        for number, line in _lines(stream):
            if isinstance(line, BadRow):
                yield line
                return
            row = _parse(number, line, time_column, positions)
            if isinstance(row, Bar) and row.time_ms <= last_ms:
                row = BadRow(number, "not later than the bar before it")
            if isinstance(row, Bar):
                last_ms = row.time_ms
            yield row


def _open_text(path: Path) -> IO[str]:
    """Open ``path`` as text, unpacking it if its first bytes are gzip's."""
    if not path.is_file():
        raise PriceFileError(
            "price_file_missing", f"There is no file {path}. Give the path of a CSV of bars."
        )
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == GZIP_MAGIC
        opener = gzip.open if packed else open
        return opener(path, "rt", encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        raise PriceFileError("price_file_unreadable", f"{path} cannot be read: {error.strerror}.") from error


def _columns(path: Path, header: str) -> tuple[str, dict[str, int]]:
    """The name of the time column and where each needed column stands."""
    names = [name.strip().strip('"').lower() for name in header.lstrip("\ufeff").strip().split(",")]
    time_column = next((name for name in TIME_COLUMNS if name in names), "")
    missing = [name for name in PRICE_COLUMNS if name not in names]
    if not time_column:
        missing.insert(0, " or ".join(TIME_COLUMNS))
    if missing:
        raise PriceFileError(
            "price_columns_missing",
            f"{path} lacks {', '.join(missing)}; its first line must name its columns.",
        )
    return time_column, {name: names.index(name) for name in (time_column, *PRICE_COLUMNS)}


def _lines(stream: IO[str]) -> Iterator[tuple[int, str | BadRow]]:
    """Numbered lines that are not empty; a damaged archive ends them with a bad row."""
    number = 1
    while True:
        number += 1
        try:
            line = stream.readline()
        except (OSError, EOFError, zlib.error) as error:
            yield number, BadRow(number, f"the file is damaged from here on ({error})")
            return
        if not line:
            return
        if line.strip():
            yield number, line


def _parse(number: int, line: str, time_column: str, positions: dict[str, int]) -> Bar | BadRow:
    """One line as a bar, or the first reason why it is none."""
    try:
        cells = [cell.strip() for cell in next(csv.reader([line]))]
    except csv.Error as error:
        return BadRow(number, f"not a comma-separated row ({error})")
    width = max(positions.values()) + 1
    if len(cells) < width:
        return BadRow(number, f"{len(cells)} columns instead of {width}")
    time_ms = _time_ms(cells[positions[time_column]])
    if time_ms is None:
        return BadRow(number, f"{time_column} {cells[positions[time_column]][:40]!r} is not a time")
    prices = []
    for name in PRICE_COLUMNS:
        price = _price_e8(cells[positions[name]])
        if not price:
            return BadRow(number, f"{name} {cells[positions[name]][:40]!r} is not a positive decimal number")
        prices.append(price)
    bar = Bar(number, time_ms, *prices)
    if not bar.low_e8 <= min(bar.open_e8, bar.close_e8) <= max(bar.open_e8, bar.close_e8) <= bar.high_e8:
        return BadRow(number, "open and close do not lie between low and high")
    return bar


def _time_ms(text: str) -> int | None:
    """Milliseconds since 1970 of a cell."""
    if _SECONDS.match(text):
        return int(text) * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000


def _price_e8(text: str) -> int:
    """Whole 1e-8 of a decimal cell, 0 if it is none."""
    match = _DECIMAL.match(text)
    if match is None:
        return 0
    return int(match[1]) * 10**PRICE_SCALE + int((match[2] or "").ljust(PRICE_SCALE, "0"))
