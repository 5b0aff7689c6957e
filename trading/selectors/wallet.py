"""What a trader has outside the venues, and how transfers, withdrawals and deposits fare."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q

from exchange_os.ledger.models import AccountKind, Asset, Entry, Transfer, Withdrawal
from exchange_os.ledger.selectors import balances_of, deposits_of, withdrawals_of
from trading.selectors.orders import Window

_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST_MS = 10**14


def milliseconds(moment: datetime) -> int:
    """The millisecond in which ``moment`` lies."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def wallet_balances(user_id: int) -> list[tuple[Asset, int]]:
    """Assets in the user's wallet and their units, by symbol; empty ones are left out."""
    units = {asset_id: amount for (_, asset_id), amount in balances_of(user_id, [AccountKind.WALLET]).items()}
    return [(asset, units[asset.pk]) for asset in Asset.objects.filter(pk__in=units).order_by("symbol")]


def transfer_of(user_id: int, group_id: int, transfer_id: int | None, client_id: str = "") -> Transfer | None:
    """A transfer of the user to or from the risk group, by its id or the user's own; ``None`` if they have none
    such."""
    named = Q(pk=transfer_id) if transfer_id is not None else Q(client_id=client_id)
    rows = Transfer.objects.filter(named, user_id=user_id, group_id=group_id).select_related("asset")
    return rows.first()


def withdrawals_page(
    user_id: int, window: Window, states: Collection[str] | None = None, **named: Any
) -> list[Withdrawal]:
    """Withdrawals of the user, newest first, paged by time; ``named`` are values of its columns, empty ones ignored."""
    rows = withdrawals_of(user_id).filter(_times(window, "created"), **_given(named))
    if states is not None:
        rows = rows.filter(state__in=states)
    return list(rows[: window.limit])


def deposits_page(user_id: int, window: Window, **named: Any) -> list[Entry]:
    """Deposits of the user from outside the ledger, as ``withdrawals_page``."""
    rows = deposits_of(user_id).filter(_times(window, "posting__created"), **_given(named))
    return list(rows[: window.limit])


def _given(named: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value not in (None, "")}


def _times(window: Window, column: str) -> Q:
    """Rows with a time inside the window; a row belongs to the millisecond in which it was written."""
    wanted = Q()
    for value, lookup, shift in (
        (window.older_than, "lt", 0),
        (window.newer_than, "gte", 1),
        (window.begin_ms, "gte", 0),
        (window.end_ms, "lt", 1),
    ):
        if value is not None:
            moment = _EPOCH + timedelta(milliseconds=min(value, _LAST_MS) + shift)
            wanted &= Q(**{f"{column}__{lookup}": moment})
    return wanted
