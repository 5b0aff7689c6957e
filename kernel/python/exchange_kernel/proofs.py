"""Proofs of liabilities: that what the platform owes to a user is counted in the published sum.

Every night each asset has a Merkle-sum tree over all users. A leaf is ``sha256(0x00 || salt || user || 0x00 || units)``, an inner node
``sha256(0x01 || left hash || left sum || right hash || right sum)``; sums and units are 16 bytes, big-endian; the last node of an
odd level goes up as it is. The night's digest is ``sha256(digest of the night before || statement)``, the statement being
JSON (sorted keys, no spaces) of the day, the trees and the heads of all journals. Whoever holds a proof needs nothing else to check it.
"""

import hashlib
import json
from typing import Any

SUM_BYTES = 16
SALT_BYTES = 16
MAX_LEVELS = 64


class ProofRefused(ValueError):
    """The proof does not hold; the message says where."""


def leaf_hash(salt: bytes, user: int, units: int) -> bytes:
    """Hash of the leaf of a user who is owed ``units``."""
    return hashlib.sha256(
        b"\x00" + salt + str(user).encode() + b"\x00" + units.to_bytes(SUM_BYTES, "big")
    ).digest()


def node_hash(left: tuple[bytes, int], right: tuple[bytes, int]) -> bytes:
    """Hash of the node over two nodes, each a (hash, sum)."""
    return hashlib.sha256(
        b"\x01"
        + left[0] + left[1].to_bytes(SUM_BYTES, "big")
        + right[0] + right[1].to_bytes(SUM_BYTES, "big")
    ).digest()  # fmt: skip


def statement_bytes(statement: dict[str, Any]) -> bytes:
    """The bytes of a night's statement that its digest covers."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def night_digest(previous: str, statement: dict[str, Any]) -> str:
    """Digest of a night, in hex; ``previous`` is that of the night before, empty for the first."""
    return hashlib.sha256(bytes.fromhex(previous) + statement_bytes(statement)).hexdigest()


def check_proof(proof: dict[str, Any]) -> str:
    """Check one user's proof of one asset; answers the digest it leads to, to be compared with the published one.

    Members: user, asset, units (text), salt (hex), path ([{side, hash, sum}], leaf to root), statement, previous (hex).
    Raises ``ProofRefused``.
    """
    try:
        units, salt, user = int(proof["units"]), bytes.fromhex(proof["salt"]), int(proof["user"])
        if units < 0 or len(salt) != SALT_BYTES or len(proof["path"]) > MAX_LEVELS:
            raise ProofRefused("the leaf is not one: negative units, or a salt of another length")
        node = (leaf_hash(salt, user, units), units)
        for step in proof["path"]:
            other = (bytes.fromhex(step["hash"]), int(step["sum"]))
            if other[1] < 0:
                raise ProofRefused("a node of the path has a negative sum: somebody's money is subtracted")
            pair = (other, node) if step["side"] == "left" else (node, other)
            node = (node_hash(*pair), node[1] + other[1])
        trees = [tree for tree in proof["statement"]["trees"] if tree["asset"] == proof["asset"]]
        if len(trees) != 1:
            raise ProofRefused(f"the statement has {len(trees)} trees of {proof['asset']}")
        if bytes.fromhex(trees[0]["hash"]) != node[0] or int(trees[0]["sum"]) != node[1]:
            raise ProofRefused("the path does not lead to the root of the statement")
        return night_digest(proof["previous"], proof["statement"])
    except ProofRefused:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProofRefused(f"this is not a proof: {type(error).__name__} at {error}") from error
