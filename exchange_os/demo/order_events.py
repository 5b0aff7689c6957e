"""Reading a recorded order-event file: one row per order created, changed or deleted on a real book.

The format is the one of the public ``ob-analytics`` Bitstamp capture: comma-separated, plain or gzipped, with the
columns of :data:`COLUMNS`; times in milliseconds since 1970, price in quote units with up to eight decimals, volume
in whole 1e-8 of the base asset. Recorded input is dirty: a row that cannot be read is yielded as :class:`BadRow`
with its line number and the reason, and reading goes on.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from exchange_os.errors import DomainError

COLUMNS = ("id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction")
ACTIONS = frozenset({"created", "changed", "deleted"})
SIDES = {"bid": "buy", "ask": "sell"}
PRICE_SCALE = 8
VOLUME_SCALE = 8
GZIP_MAGIC = b"\x1f\x8b"

_ID = re.compile(r"[0-9A-Za-z]{1,32}\Z")
_WHOLE = re.compile(r"[0-9]{1,18}\Z")
_DECIMAL = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,8}))?\Z")


class ReplayFileError(DomainError):
    """The file as a whole cannot be replayed: it is missing, unreadable or has other columns."""


class OrderEvent(NamedTuple):
    """One recorded event. ``price_e8`` and ``volume_e8`` are whole 1e-8 of the quote and of the base asset."""

    line: int
    order_id: str
    time_ms: int
    price_e8: int
    volume_e8: int
    action: str
    side: str


class BadRow(NamedTuple):
    """A row that could not be read: its line number (the header is line 1) and why."""

    line: int
    reason: str


def read_order_events(path: Path) -> Iterator[OrderEvent | BadRow]:
    """Yield the events of ``path`` in file order; unreadable rows come as :class:`BadRow`.

    Raises :class:`ReplayFileError` at the first item when there is no such file, it cannot be opened, is empty or
    its header does not name the columns.
    """
    with _open_text(path) as stream:
        try:
            header = stream.readline()
        except (OSError, EOFError, zlib.error) as error:
            raise ReplayFileError("replay_file_unreadable", f"{path} cannot be read: {error}.") from error
        positions = _column_positions(path, header)
        yield from _read_rows(stream, positions)


def _open_text(path: Path) -> IO[str]:
    """Open ``path`` as text, unpacking it if its first bytes are gzip's, whatever its name."""
    if not path.exists():
        raise ReplayFileError(
            "replay_file_missing", f"There is no file {path}. Give the path of an order-event CSV file."
        )
    if path.is_dir():
        raise ReplayFileError(
            "replay_file_missing", f"{path} is a folder. Give the path of an order-event CSV file."
        )
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == GZIP_MAGIC
        if packed:
            return gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="\n")
        return path.open("r", encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        raise ReplayFileError(
            "replay_file_unreadable", f"{path} cannot be read: {error.strerror}."
        ) from error


def _column_positions(path: Path, header: str) -> dict[str, int]:
    """Where each needed column stands in the rows, from the header line."""
    names = [name.strip().strip('"').lower() for name in header.lstrip("\ufeff").strip().split(",")]
    if not header.strip():
        raise ReplayFileError(
            "replay_file_empty",
            f"{path} is empty. Its first line must name the columns: {', '.join(COLUMNS)}.",
        )
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ReplayFileError(
            "replay_columns_missing",
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. "
            f"Its first line must name: {', '.join(COLUMNS)}.",
        )
    return {name: names.index(name) for name in COLUMNS}


def _read_rows(stream: IO[str], positions: dict[str, int]) -> Iterator[OrderEvent | BadRow]:
    """Parse line by line; a damaged archive ends the reading with a named bad row."""
    width = max(positions.values()) + 1
    line_number = 1
    while True:
        line_number += 1
        try:
            line = stream.readline()
        except (OSError, EOFError, zlib.error) as error:
            yield BadRow(line_number, f"the file is damaged from here on ({error})")
            return
        if not line:
            return
        if not line.strip():
            continue
        yield _parse_row(line_number, line, positions, width)


def _parse_row(line_number: int, line: str, positions: dict[str, int], width: int) -> OrderEvent | BadRow:
    """One line as an event, or the first reason why it is none."""
    try:
        cells = [cell.strip() for cell in next(csv.reader([line]))]
    except csv.Error as error:
        return BadRow(line_number, f"not a comma-separated row ({error})")
    if len(cells) < width:
        return BadRow(line_number, f"{len(cells)} columns instead of {width}")
    cell = {name: cells[position] for name, position in positions.items()}
    price = _DECIMAL.match(cell["price"])
    for bad, reason in (
        (not _ID.match(cell["id"]), f"id {cell['id'][:40]!r} is not 1 to 32 letters or digits"),
        (
            not _WHOLE.match(cell["timestamp"]),
            f"timestamp {cell['timestamp'][:40]!r} is not whole milliseconds",
        ),
        (price is None, f"price {cell['price'][:40]!r} is not a decimal number"),
        (not _WHOLE.match(cell["volume"]), f"volume {cell['volume'][:40]!r} is not whole 1e-8 units"),
        (cell["action"] not in ACTIONS, f"action {cell['action'][:40]!r} is not created, changed or deleted"),
        (cell["direction"] not in SIDES, f"direction {cell['direction'][:40]!r} is not bid or ask"),
    ):
        if bad:
            return BadRow(line_number, reason)
    assert price is not None
    price_e8 = int(price[1]) * 10**PRICE_SCALE + int((price[2] or "").ljust(PRICE_SCALE, "0"))
    if price_e8 == 0:
        return BadRow(line_number, "price is zero")
    return OrderEvent(
        line=line_number,
        order_id=cell["id"],
        time_ms=int(cell["timestamp"]),
        price_e8=price_e8,
        volume_e8=int(cell["volume"]),
        action=cell["action"],
        side=SIDES[cell["direction"]],
    )
