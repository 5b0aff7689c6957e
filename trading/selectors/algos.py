"""Algo orders of an account: open ones live from the kernel, what is over from PostgreSQL; newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine import client
from exchange_os.engine.gateway import get_gateway
from exchange_os.engine.models import ClosedAlgo
from trading.models import TradingAccount
from trading.selectors.orders import Markets, Window
from trading.threads import in_database_thread

NO_LEG = 255


@dataclass(frozen=True, slots=True)
class Algo:
    """An algo order. Prices and distances in ticks, sizes in lots, times in milliseconds; ``kind`` and ``state`` are
    names of the kernel, ``code`` its reject where the order it had to place was refused. A leg is (trigger, price or 0
    for a market order, source 0 last or 1 mark, fires at or above): of a pair the take-profit, then the stop-loss."""

    algo_id: int
    market: int
    client_id: str
    kind: str
    state: str
    reason: int
    code: int
    side: int
    reduce_only: bool
    quote_size: bool
    whole_position: bool
    size_lots: int
    done_lots: int
    order_id: int
    parent_id: int
    fired: int
    legs: tuple[tuple[int, int, int, bool], tuple[int, int, int, bool]]
    distance_ticks: int
    distance_ppm: int
    floats: bool
    slice_lots: int
    best_ticks: int
    interval_ms: int
    created_ms: int
    closed_ms: int

    @property
    def is_open(self) -> bool:
        """Whether it still waits or places slices."""
        return self.state in ("waiting", "live")


_SAME = (
    "algo_id", "market", "client_id", "size_lots", "done_lots", "order_id", "parent_id", "distance_ticks",
    "distance_ppm", "floats", "slice_lots", "best_ticks", "interval_ms", "created_ms",
)  # fmt: skip
_REDUCE_ONLY, _QUOTE_SIZE, _WHOLE_POSITION = 4, 8, 64


def algo_of_kernel(row: Mapping[str, Any]) -> Algo:
    """An algo order as the kernel describes it in answers and events."""
    state = kernel.ALGO_STATES[row["state"]]
    flags = row.get("flags", 0)
    first, second = (tuple(leg) for leg in row["legs"])
    return Algo(
        **{name: row[name] for name in _SAME},
        kind=kernel.ALGO_KINDS[row["algo_kind"]],
        state=state,
        reason=row.get("reason", 0),
        code=row.get("code", 0),
        side=row["side"] if "side" in row else flags & 1,
        reduce_only=row.get("reduce_only", bool(flags & _REDUCE_ONLY)),
        quote_size=row.get("quote_size", bool(flags & _QUOTE_SIZE)),
        whole_position=row.get("whole_position", bool(flags & _WHOLE_POSITION)),
        fired=row["fired"],
        legs=(first, second),
        closed_ms=0 if state in ("waiting", "live") else row["time_ms"],
    )


def algo_of_history(row: ClosedAlgo) -> Algo:
    """An algo order that is over, from its row."""
    return Algo(
        **{name: getattr(row, name) for name in _SAME},
        kind=kernel.ALGO_KINDS[row.kind],
        state=kernel.ALGO_STATES[row.state],
        reason=row.reason,
        code=row.code,
        side=row.side,
        reduce_only=row.reduce_only,
        quote_size=row.quote_size,
        whole_position=row.whole_position,
        fired=row.fired_leg,
        legs=(
            (row.first_trigger_ticks, row.first_price_ticks, row.first_source, row.first_rises),
            (row.second_trigger_ticks, row.second_price_ticks, row.second_source, row.second_rises),
        ),
        closed_ms=row.closed_ms,
    )


def _question(account: int) -> dict[str, Any]:
    return {"q": "algos", "account": account}


def _newest(rows: list[Mapping[str, Any]], window: Window, markets: Markets) -> list[Algo]:
    algos = [algo_of_kernel(row) for row in rows if markets is None or row["market"] in markets]
    inside = [algo for algo in algos if window.holds(algo.algo_id, algo.created_ms)]
    return sorted(inside, key=lambda algo: algo.algo_id, reverse=True)[: window.limit]


def open_algos(account: TradingAccount) -> list[Algo]:
    """Open algo orders of the account, live, newest first."""
    answer = client.query(account.venue.group_id, _question(account.number))
    return _newest(answer.get("algos", []), Window(500), None)


async def live_algos(group_id: int, account: int, markets: Markets, window: Window) -> list[Algo]:
    """Open algo orders of account number ``account``, for asynchronous callers."""
    answer = await get_gateway().query(group_id, _question(account))
    return _newest(answer.get("algos", []), window, markets)


def _closed_page(
    group_id: int, account: int, markets: Markets, states: tuple[str, ...], window: Window
) -> list[Algo]:
    rows = ClosedAlgo.objects.filter(group_id=group_id, account=account)
    rows = rows.filter(window.filters("algo_id", "created_ms"))
    if markets is not None:
        rows = rows.filter(market__in=markets)
    if states:
        rows = rows.filter(state__in=[kernel.ALGO_STATES.index(state) for state in states])
    return [algo_of_history(row) for row in rows.order_by("-algo_id")[: window.limit]]


async def closed_algos(
    group_id: int, account: int, markets: Markets, states: tuple[str, ...], window: Window
) -> list[Algo]:
    """Algo orders that are over, newest first; of some of the kernel's states if given."""
    return await in_database_thread(_closed_page, group_id, account, markets, states, window)


def _stored(group_id: int, account: int, algo_id: int, client_id: str) -> Algo | None:
    rows = ClosedAlgo.objects.filter(group_id=group_id, account=account)
    rows = rows.filter(algo_id=algo_id) if algo_id else rows.filter(client_id=client_id)
    row = rows.order_by("-algo_id").first()
    return algo_of_history(row) if row else None


async def find_algo(group_id: int, account: int, *, algo_id: int = 0, client_id: str = "") -> Algo | None:
    """One algo order of the account, open or over; ``None`` if it has none such."""
    named: dict[str, Any] = {"order_id": algo_id} if algo_id else {"client_id": client_id}
    answer = await get_gateway().query(group_id, {"q": "algo", "account": account, **named})
    row = answer.get("algo")
    if row is not None:
        return algo_of_kernel(row)
    return await in_database_thread(_stored, group_id, account, algo_id, client_id)
