"""Fills of an account as the engine stores them, from plain values."""

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine.models import FillPage

_FORMATS = {"bigint": ">q", "integer": ">i", "smallint": ">h", '"char"': ">B"}
_FILL = {
    "sequence": 0, "order_id": 1, "client_id": "", "side": kernel.BUY, "role": 1, "price_ticks": 130_000,
    "size_lots": 3, "notional": 19_500_000, "fee": 9_750, "fee_asset": 0, "key": 0, "market": 0,
    "flags": 0, "mark_ticks": 0,
}  # fmt: skip


def _copied(values: Mapping[str, Any]) -> bytes:
    """A row as PostgreSQL's binary COPY has it."""
    row = struct.pack(">h", len(kernel.FILL_COLUMNS))
    for name, kind in kernel.FILL_COLUMNS:
        value = values[name]
        data = value.encode() if kind == "text" else struct.pack(_FORMATS[kind], value)
        row += struct.pack(">i", len(data)) + data
    return row


def store_fills(group_id: int, account: int, fills: Iterable[Mapping[str, Any]]) -> None:
    """One page of fills, at most some dozens, oldest first.

    Each names its ``trade_id`` and ``time_ms``, and what is not as usual.
    """
    rows = [{**_FILL, "group_id": group_id, "account": account, **each} for each in fills]
    pages, _ = kernel.pack_fills(b"".join(map(_copied, rows)))
    place = 2 * rows[-1]["trade_id"] + rows[-1]["role"]
    # The last column is an array of one: 20 bytes of head, the length, the page.
    FillPage.objects.create(
        group_id=group_id, account=account, place=place, time_ms=rows[-1]["time_ms"], data=pages[-1][24:]
    )
