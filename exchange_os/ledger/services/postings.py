"""The one writer of money: ``post_transfer``, and its plural for many movements at once.

A movement takes units of one asset out of one ledger account and puts them into another. Accounts come into being
when they are first named. The order of work makes deadlock impossible between any number of writers: missing accounts
are created first, in key order; then every account is locked, in key order; nothing is created after a lock.
A transaction therefore posts once: whoever moves money twice uses ``post_transfers``.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from django.db import connection, transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, PostingKind
from exchange_os.ledger.selectors import MAX_UNITS


class Cursor(Protocol):
    """What is used of a cursor: Django's and psycopg's both fit."""

    def execute(self, query: Any, params: Any = None) -> Any: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...


class AccountKey(NamedTuple):
    """Names a ledger account; the order of these keys is the order of locks."""

    kind: AccountKind
    owner_id: int
    asset_id: int


@dataclass(frozen=True)
class Movement:
    """``amount`` units (above zero) of one asset from ``source`` to ``target``."""

    kind: PostingKind
    source: AccountKey
    target: AccountKey
    amount: int
    transfer_id: int | None = None
    memo: str = ""


def wallet(user_id: int, asset_id: int) -> AccountKey:
    """The user's wallet in an asset."""
    return AccountKey(AccountKind.WALLET, user_id, asset_id)


def in_transit(user_id: int, asset_id: int) -> AccountKey:
    """The user's money on its way to a venue."""
    return AccountKey(AccountKind.IN_TRANSIT, user_id, asset_id)


def withdrawing(user_id: int, asset_id: int) -> AccountKey:
    """The user's money on its way out of the ledger."""
    return AccountKey(AccountKind.WITHDRAWING, user_id, asset_id)


def escrow(group_id: int, asset_id: int) -> AccountKey:
    """What a risk group holds of an asset for all of its accounts."""
    return AccountKey(AccountKind.ESCROW, group_id, asset_id)


def stake_of(user_id: int, asset_id: int) -> AccountKey:
    """The user's stake as a deployer."""
    return AccountKey(AccountKind.STAKE, user_id, asset_id)


def unbonding_of(user_id: int, asset_id: int) -> AccountKey:
    """The stake that the user has asked back and that may still be slashed."""
    return AccountKey(AccountKind.UNBONDING, user_id, asset_id)


def insurance_of(group_id: int, asset_id: int) -> AccountKey:
    """What the ledger holds for the insurance of a risk group, beside the fund inside its kernel."""
    return AccountKey(AccountKind.INSURANCE, group_id, asset_id)


def burned(asset_id: int) -> AccountKey:
    """Where burned money lies: counted for ever, out of everyone's reach."""
    return AccountKey(AccountKind.BURNED, 0, asset_id)


def dispute_bonds(event_id: int, asset_id: int) -> AccountKey:
    """What both sides of the disputes of an event have put up."""
    return AccountKey(AccountKind.DISPUTE_BOND, event_id, asset_id)


def external(asset_id: int) -> AccountKey:
    """The world outside, from which an asset is issued."""
    return AccountKey(AccountKind.EXTERNAL, 0, asset_id)


def post_transfer(
    kind: PostingKind,
    source: AccountKey,
    target: AccountKey,
    amount: int,
    *,
    transfer_id: int | None = None,
    memo: str = "",
) -> int:
    """Move ``amount`` units from ``source`` to ``target``; answers the posting's id.

    Raises ``DomainError`` as ``post_transfers`` does.
    """
    return post_transfers([Movement(kind, source, target, amount, transfer_id, memo)])[0]


def post_transfers(movements: Sequence[Movement], cursor: Cursor | None = None) -> list[int]:
    """Make all the movements or none; answers the ids of their postings, in order.

    With a ``cursor`` the work joins the transaction that is open on it, else it is a transaction (or savepoint) of
    its own. Raises ``DomainError``: ``insufficient_funds`` if an account other than ``external`` would fall below
    zero, ``amount_too_large`` if a balance would leave the range of 64 bits.
    """
    for movement in movements:
        assert movement.amount > 0 and movement.source.asset_id == movement.target.asset_id
        assert movement.source != movement.target
    if not movements:
        return []
    if cursor is not None:
        return _post(movements, cursor)
    with transaction.atomic(), connection.cursor() as own:
        return _post(movements, own)


def _post(movements: Sequence[Movement], cursor: Cursor) -> list[int]:
    deltas: dict[AccountKey, int] = defaultdict(int)
    for movement in movements:
        deltas[movement.source] -= movement.amount
        deltas[movement.target] += movement.amount
    accounts = _lock_accounts(sorted(deltas), cursor)
    _check_funds(deltas, accounts)
    cursor.execute(
        "INSERT INTO ledger_posting (kind, transfer_id, memo, created)"
        " SELECT kind, transfer_id, memo, now() FROM"
        " unnest(%s::text[], %s::bigint[], %s::text[]) WITH ORDINALITY AS m(kind, transfer_id, memo, place)"
        " ORDER BY place RETURNING id",
        ([str(m.kind) for m in movements], [m.transfer_id for m in movements], [m.memo for m in movements]),
    )
    postings = sorted(row[0] for row in cursor.fetchall())
    legs = [
        (posting, accounts[key][0], amount)
        for posting, m in zip(postings, movements, strict=True)
        for key, amount in ((m.source, -m.amount), (m.target, m.amount))
    ]
    # The balances follow by trigger from the entries of this one statement.
    cursor.execute(
        "INSERT INTO ledger_entry (posting_id, account_id, amount)"
        " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])",
        tuple([leg[column] for leg in legs] for column in range(3)),
    )
    return postings


def _lock_accounts(keys: Sequence[AccountKey], cursor: Cursor) -> dict[AccountKey, tuple[int, int]]:
    """``{key: (account id, balance)}`` of every key, created where missing, locked in key order."""
    columns = (
        [str(key.kind) for key in keys],
        [key.owner_id for key in keys],
        [key.asset_id for key in keys],
    )
    wanted = "unnest(%s::text[], %s::bigint[], %s::bigint[]) AS k(kind, owner_id, asset_id)"
    cursor.execute(
        f"SELECT count(*) FROM ledger_ledgeraccount a JOIN {wanted} USING (kind, owner_id, asset_id)", columns
    )
    if cursor.fetchall()[0][0] < len(keys):
        cursor.execute(
            f"INSERT INTO ledger_ledgeraccount (kind, owner_id, asset_id, balance) SELECT k.*, 0 FROM {wanted}"
            " WHERE NOT EXISTS (SELECT 1 FROM ledger_ledgeraccount a WHERE a.kind = k.kind"
            " AND a.owner_id = k.owner_id AND a.asset_id = k.asset_id)"
            " ORDER BY kind, owner_id, asset_id ON CONFLICT DO NOTHING",
            columns,
        )
    cursor.execute(
        f"SELECT a.kind, a.owner_id, a.asset_id, a.id, a.balance FROM ledger_ledgeraccount a JOIN {wanted}"
        " USING (kind, owner_id, asset_id) ORDER BY a.kind, a.owner_id, a.asset_id FOR UPDATE OF a",
        columns,
    )
    found = {AccountKey(AccountKind(row[0]), row[1], row[2]): (row[3], row[4]) for row in cursor.fetchall()}
    assert len(found) == len(keys), "a ledger account vanished"
    return found


def _check_funds(deltas: dict[AccountKey, int], accounts: dict[AccountKey, tuple[int, int]]) -> None:
    for key, delta in deltas.items():
        after = accounts[key][1] + delta
        if abs(after) > MAX_UNITS:
            raise DomainError("amount_too_large", "That is more than the ledger can hold in one account.")
        if after < 0 and key.kind != AccountKind.EXTERNAL:
            raise DomainError(
                "insufficient_funds",
                f"The {AccountKind(key.kind).label.lower()} holds less than that; lower the amount or add funds.",
                field="amount",
                kind=str(key.kind),
                asset_id=key.asset_id,
                available=accounts[key][1],
                wanted=-delta,
            )
