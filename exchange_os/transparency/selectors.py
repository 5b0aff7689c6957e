"""What is published: nights, heads, proofs, and journals as files."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from exchange_kernel.journal_file import batch_bytes, start_bytes

from exchange_os.engine.models import JournalBatch, RiskGroup
from exchange_os.errors import DomainError
from exchange_os.transparency.merkle import CHUNK, path_of, salt_of, unpack_leaves, unpack_levels
from exchange_os.transparency.models import LeafChunk, LiabilityTree, Night

ROWS_A_READ = 200


def nights(limit: int) -> list[Night]:
    """The newest nights."""
    return list(Night.objects.defer("secret")[:limit])


def night_of(day: str | None) -> Night:
    """The night of a day (ISO), or the newest. Raises ``night_unknown``."""
    try:
        found = Night.objects.filter(day=date.fromisoformat(day)).first() if day else Night.objects.first()
    except ValueError:
        found = None
    if found is None:
        raise DomainError(
            "night_unknown",
            f"Nothing was published on {day}."
            if day
            else "Nothing is published yet; the first night will be.",
        )
    return found


def statement_of(night: Night) -> dict[str, Any]:
    """The statement of a night, as its digest covers it."""
    statement: dict[str, Any] = json.loads(night.statement)
    return statement


def proofs_of(user_id: int, night: Night) -> list[dict[str, Any]]:
    """The user's proofs of a night, one an asset that was owed to them, as ``exchange_kernel.proofs`` checks them.

    Empty if nothing was owed. Raises ``leaves_gone`` for a night whose leaves are no longer kept.
    """
    salt = salt_of(bytes(night.secret), user_id)
    statement = statement_of(night)
    proofs = []
    for tree in night.trees.order_by("asset"):
        chunk = LeafChunk.objects.filter(tree=tree, first_salt__lte=salt).order_by("-first_salt").first()
        if chunk is None:
            if not tree.chunks.exists():
                raise DomainError(
                    "leaves_gone",
                    "The proofs of that night are no longer kept; take one of the last 35 nights.",
                )
            continue
        if proof := _proof(tree, chunk, salt, user_id):
            proofs.append({**proof, "statement": statement, "previous": night.previous})
    return proofs


def _proof(tree: LiabilityTree, chunk: LeafChunk, salt: bytes, user_id: int) -> dict[str, Any] | None:
    leaves = unpack_leaves(bytes(chunk.data))
    at = next((at for at, leaf in enumerate(leaves) if leaf.salt == salt and leaf.user == user_id), None)
    if at is None:
        return None
    top = unpack_levels(bytes(tree.top), -(-tree.leaves // CHUNK))
    path = path_of(leaves, at, top, chunk.number)
    return {
        "version": 1,
        "user": user_id,
        "asset": tree.asset,
        "units": str(leaves[at].units),
        "salt": salt.hex(),
        "path": [{"side": step.side, "hash": step.node[0].hex(), "sum": str(step.node[1])} for step in path],
    }


def journal_head(group_id: int) -> RiskGroup:
    """The head of a group's journal. Raises ``group_unknown``."""
    group = RiskGroup.objects.filter(pk=group_id).first()
    if group is None:
        raise DomainError("group_unknown", f"There is no risk group {group_id}.", group=group_id)
    return group


def journal_parts(group_id: int, until: int) -> Iterator[bytes]:
    """The journal of a group up to the batch that ends at or before ``until``, as parts of a file."""
    yield start_bytes(group_id)
    after = 0
    while part := _some_batches(group_id, after, until):
        after = part[-1][3]
        yield b"".join(batch_bytes(row[:5], bytes(row[5]), bytes(row[6])) for row in part)


def _some_batches(group_id: int, after: int, until: int) -> list[Any]:
    rows = JournalBatch.objects.filter(
        group_id=group_id, first_sequence__gt=after, last_sequence__lte=until
    ).order_by("first_sequence")
    names = ("group_id", "epoch", "first_sequence", "last_sequence", "now_ms", "commands", "hash")
    return list(rows.values_list(*names)[:ROWS_A_READ])
