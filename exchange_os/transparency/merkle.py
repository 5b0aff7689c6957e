"""Merkle-sum trees in chunks: built in one pass, kept so that one chunk and the top give any leaf's path.

A chunk is a run of 1,024 leaves, a power of two, so its root is a node of the whole tree; only the roots of chunks and
what is above them are kept as hashes. Hashes of leaves and nodes are those of ``exchange_kernel.proofs``.
"""

import hmac
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from exchange_kernel.proofs import SALT_BYTES, SUM_BYTES, leaf_hash, node_hash

CHUNK = 1024
LEAF = struct.Struct(f">{SALT_BYTES}sq{SUM_BYTES}s")
NODE = struct.Struct(f">32s{SUM_BYTES}s")

Node = tuple[bytes, int]
EMPTY: Node = (bytes(32), 0)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a user is owed of one asset, in units."""

    salt: bytes
    user: int
    units: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: the other node of the pair, and on which side of ours it stands."""

    side: str
    node: Node


@dataclass(frozen=True, slots=True)
class Built:
    """A whole tree: the packed chunks in order, each with its first salt, and the nodes above them, level by level."""

    chunks: list[tuple[bytes, bytes]]
    levels: list[list[Node]]
    leaves: int

    @property
    def root(self) -> Node:
        """Hash and sum of everything; zeros for no leaves."""
        return self.levels[-1][0] if self.leaves else EMPTY


def salt_of(secret: bytes, user: int) -> bytes:
    """The salt of a user's leaf in a night with that secret."""
    return hmac.digest(secret, b"leaf" + user.to_bytes(8, "big"), "sha256")[:SALT_BYTES]


def build(secret: bytes, owed: Iterable[tuple[int, int]]) -> Built:
    """The tree over (user, units), units not negative; the order of leaves is that of salts, which tells nothing."""
    leaves = sorted((salt_of(secret, user), user, units) for user, units in owed)
    chunks, roots = [], []
    for start in range(0, len(leaves), CHUNK):
        part = leaves[start : start + CHUNK]
        chunks.append(
            (part[0][0], b"".join(LEAF.pack(s, u, units.to_bytes(SUM_BYTES, "big")) for s, u, units in part))
        )
        roots.append(_levels([(leaf_hash(*leaf), leaf[2]) for leaf in part])[-1][0])
    return Built(chunks, _levels(roots), len(leaves))


def _levels(nodes: Sequence[Node]) -> list[list[Node]]:
    """The nodes and all levels above them; the last of an odd level goes up as it is."""
    levels = [list(nodes)]
    while len(level := levels[-1]) > 1:
        above = [node_hash_and_sum(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            above.append(level[-1])
        levels.append(above)
    return levels


def node_hash_and_sum(left: Node, right: Node) -> Node:
    """The node over two nodes."""
    return node_hash(left, right), left[1] + right[1]


def pack_levels(levels: Sequence[Sequence[Node]]) -> bytes:
    """Levels as bytes, the lowest first; how many nodes each has follows from the first."""
    return b"".join(
        NODE.pack(digest, units.to_bytes(SUM_BYTES, "big")) for level in levels for digest, units in level
    )


def unpack_levels(data: bytes, lowest: int) -> list[list[Node]]:
    """The inverse of :func:`pack_levels` for ``lowest`` nodes in the first level."""
    nodes: Iterator[Node] = (
        (digest, int.from_bytes(units, "big")) for digest, units in NODE.iter_unpack(data)
    )
    levels, count = [], lowest
    while count:
        levels.append([next(nodes) for _ in range(count)])
        count = 0 if count == 1 else (count + 1) // 2
    return levels


def unpack_leaves(data: bytes) -> list[Leaf]:
    """The leaves of a chunk."""
    return [Leaf(salt, user, int.from_bytes(units, "big")) for salt, user, units in LEAF.iter_unpack(data)]


def path_of(chunk: Sequence[Leaf], at: int, top: Sequence[Sequence[Node]], number: int) -> list[Step]:
    """The path from leaf ``at`` of chunk ``number`` to the root."""
    levels = _levels([(leaf_hash(leaf.salt, leaf.user, leaf.units), leaf.units) for leaf in chunk])
    return [*_steps(levels, at), *_steps(top, number)]


def _steps(levels: Sequence[Sequence[Node]], at: int) -> Iterator[Step]:
    for level in levels[:-1]:
        other = at ^ 1
        if other < len(level):
            yield Step("left" if other < at else "right", level[other])
        at //= 2
