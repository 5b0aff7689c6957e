"""The nightly publication: what is owed to users, as of one moment, a tree an asset, chained to the last night.

Ledger and journals are read in one transaction that sees one state of the database. What a venue owes to an account is
what the account would be left with at the present marks (``Kernel.worths``); an account that owes more than it has
counts for nothing and is said as shortfall. So for every asset ``sum of the tree <= held + shortfall``, and whoever
holds a leaf can see that it is in the sum.
"""

import json
import logging
import secrets
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

import psycopg
from django.db import IntegrityError, transaction
from exchange_kernel.proofs import night_digest, statement_bytes

from exchange_os.engine.closing import closing_of
from exchange_os.engine.database import make_connection
from exchange_os.engine.journal import Connection
from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind
from exchange_os.transparency.merkle import Built, build, pack_levels
from exchange_os.transparency.models import LeafChunk, LiabilityTree, Night

log = logging.getLogger(__name__)

KEPT_NIGHTS = 35
#: Kinds of ledger accounts whose ``owner_id`` is the user it is owed to.
OWED_KINDS = (
    AccountKind.WALLET,
    AccountKind.STAKE,
    AccountKind.UNBONDING,
    AccountKind.IN_TRANSIT,
    AccountKind.WITHDRAWING,
)
_OWED = """
SELECT asset_id, owner_id, sum(balance)::bigint FROM ledger_ledgeraccount
 WHERE kind = ANY(%s) AND balance > 0 GROUP BY asset_id, owner_id
"""
_HELD = """
SELECT a.id, a.symbol, a.scale, coalesce(sum(l.balance), 0)::bigint FROM ledger_asset a
  LEFT JOIN ledger_ledgeraccount l ON l.asset_id = a.id AND l.kind <> ALL(%s)
 GROUP BY a.id ORDER BY a.symbol
"""


class PublicationRefused(DomainError):
    """The night cannot be published; the message says why."""


@dataclass
class Owed:
    """What is owed, by asset id and user, what is held, and where each journal stood."""

    users: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    shortfall: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    #: asset id -> (symbol, scale, units held: all ledger accounts but the outside world's)
    assets: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    groups: list[dict[str, str | int]] = field(default_factory=list)


def publish_night(day: date) -> Night:
    """Publish the night of ``day``; the one that is there if it was published already.

    Raises ``PublicationRefused`` if more is owed than is held or a journal does not hold; nothing is published then.
    """
    if night := Night.objects.filter(day=day).first():
        return night
    owed, secret = collect_owed(), secrets.token_bytes(32)
    built = {asset: build(secret, users.items()) for asset in owed.assets if (users := owed.users.get(asset))}
    statement = _statement(day, owed, built)
    try:
        with transaction.atomic():
            return _store(day, secret, statement, {owed.assets[a][0]: tree for a, tree in built.items()})
    except IntegrityError:  # another worker was first
        return Night.objects.get(day=day)


def collect_owed() -> Owed:
    """Everything owed and held, as of one moment. Raises ``PublicationRefused``."""
    owed = Owed()
    with _one_view() as connection:
        for asset, user, units in connection.execute(_OWED, ([str(kind) for kind in OWED_KINDS],)):
            owed.users[asset][user] += units
        for asset, symbol, scale, units in connection.execute(_HELD, ([str(AccountKind.EXTERNAL)],)):
            owed.assets[asset] = (symbol, scale, units)
        groups = connection.execute("SELECT id FROM engine_riskgroup WHERE head_sequence > 0 ORDER BY id")
        for (group,) in groups.fetchall():
            _add_group(connection, group, owed)
    return owed


def _add_group(connection: Connection, group: int, owed: Owed) -> None:
    try:
        closing = closing_of(connection, group)
    except Exception as error:
        raise PublicationRefused(
            "journal_broken", f"The journal of risk group {group} does not hold: {error}"
        ) from error
    for owner, _, asset, units in closing.worths:
        if units < 0:
            owed.shortfall[asset] -= units
        else:
            owed.users[asset][owner] += units
    owed.groups.append({
        "group": group, "sequence": closing.sequence, "hash": closing.hash.hex(), "root": closing.root.hex(),
    })  # fmt: skip


@contextmanager
def _one_view() -> Iterator[Connection]:
    """A connection of its own, whose reads all see the database as of the first."""
    with make_connection() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield connection


def _statement(day: date, owed: Owed, built: dict[int, Built]) -> dict[str, object]:
    """What everybody is shown. Raises ``PublicationRefused`` if more is owed than is held."""
    trees = []
    for asset, tree in built.items():
        symbol, scale, held = owed.assets[asset]
        digest, total = tree.root
        short = owed.shortfall.get(asset, 0)
        if total > held + short:
            raise PublicationRefused(
                "more_owed_than_held",
                f"{symbol}: {total} units are owed to users, {held} are held and {short} are owed by accounts under "
                "water. Nothing is published; run check_ledger and verify_journal.",
                asset=symbol,
            )
        trees.append({
            "asset": symbol, "scale": scale, "hash": digest.hex(), "sum": str(total), "leaves": tree.leaves,
            "held": str(held), "shortfall": str(short),
        })  # fmt: skip
    return {
        "day": day.isoformat(),
        "trees": sorted(trees, key=lambda tree: str(tree["asset"])),
        "groups": owed.groups,
    }


def _store(day: date, secret: bytes, statement: dict[str, object], built: dict[str, Built]) -> Night:
    last = Night.objects.order_by("-day").first()
    if last is not None and last.day >= day:
        raise PublicationRefused(
            "night_over", f"The night of {last.day} is published already; {day} is before it."
        )
    previous = last.digest if last else ""
    night = Night.objects.create(
        day=day, previous=previous, digest=night_digest(previous, statement), secret=secret,
        statement=statement_bytes(statement).decode(),
    )  # fmt: skip
    for symbol, tree in built.items():
        root, total = tree.root
        row = LiabilityTree.objects.create(
            night=night,
            asset=symbol,
            leaves=tree.leaves,
            root=root,
            total=total,
            top=pack_levels(tree.levels),
        )
        LeafChunk.objects.bulk_create(
            (
                LeafChunk(tree=row, number=number, first_salt=salt, data=data)
                for number, (salt, data) in enumerate(tree.chunks)
            ),
            batch_size=100,
        )
    log.info("night %s published: %s", day, json.dumps(statement["trees"]))
    return night


def shed_leaves(today: date) -> int:
    """Remove the leaves of nights older than ``KEPT_NIGHTS`` days; roots and statements stay. How many chunks went."""
    old = LeafChunk.objects.filter(tree__night__day__lt=today - timedelta(days=KEPT_NIGHTS))
    return int(old.delete()[0])
