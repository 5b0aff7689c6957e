"""Pushes of an account's margin: its positions and the account as a whole, read again after every change and now and
then, since mark prices move them too."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from trading.okx.orders import now_ms
from trading.okx.position_objects import position_rows, with_margin
from trading.okx.private_objects import account_row, balance_details
from trading.selectors.accounts import live_account
from trading.selectors.catalogue import VenueCatalogue

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.05  # what happens together is told together
LOOK_SECONDS = 1.0
RETRY_SECONDS = 0.5

Rows = list[dict[str, Any]]
Tell = Callable[[Rows, dict[str, Any]], None]


class PositionStream:
    """Reads the account of one socket and tells positions that changed, closed ones with size 0, and the account."""

    def __init__(self, catalogue: VenueCatalogue, account: int, tell: Tell) -> None:
        self.catalogue = catalogue
        self.account = account
        self._tell = tell
        self.has_margin = False  # then the account is told as a whole, from here
        self._seen: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def changed(self) -> None:
        """Something happened in the account."""
        self._changed.set()

    async def snapshot(self) -> tuple[Rows, dict[str, Any]]:
        """All positions, and the account with its margin, as they are."""
        rows, account = await self._read()
        self._seen = {row["posId"]: row for row in rows}
        return rows, account

    async def _read(self) -> tuple[Rows, dict[str, Any]]:
        balances, held = await live_account(self.catalogue, self.account)
        self.has_margin = held.risk is not None
        now = now_ms()
        whole = account_row(balance_details(balances, now), now)
        rows = position_rows(self.catalogue, held, self.account)
        return rows, with_margin(whole, self.catalogue.assets, held)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), LOOK_SECONDS if self._seen else None)
                await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            try:
                rows, account = await self._read()
            except Exception as error:  # an engine that is busy or moving
                log.info("positions of account %s not told: %s", self.account, error)
                self._changed.set()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._tell(self._differences(rows), account)

    def _differences(self, rows: Rows) -> Rows:
        present = {row["posId"]: row for row in rows}
        changed = [row for row in rows if _still(row) != _still(self._seen.get(row["posId"], {}))]
        closed = [
            {**row, "pos": "0", "availPos": "0", "avgPx": "", "upl": "0", "uTime": str(now_ms())}
            for name, row in self._seen.items()
            if name not in present
        ]
        self._seen = present
        return changed + closed


def _still(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("uTime", "cTime")}
