"""Every leaf's path leads to the root, nothing else does, and the root's sum is the sum."""

import copy
import json
import secrets
from typing import Any

import pytest
from exchange_kernel.proofs import ProofRefused, check_proof, leaf_hash, night_digest, node_hash
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_os.transparency import merkle

SECRET = b"s" * 32


def proof_of(built: merkle.Built, user: int) -> dict[str, Any]:
    """A user's proof with a statement of this one tree, as the pages make it from stored bytes."""
    top = merkle.unpack_levels(merkle.pack_levels(built.levels), len(built.chunks))
    for number, (_, data) in enumerate(built.chunks):
        leaves = merkle.unpack_leaves(data)
        for at, leaf in enumerate(leaves):
            if leaf.user == user:
                path = merkle.path_of(leaves, at, top, number)
                tree = {"asset": "USD", "hash": built.root[0].hex(), "sum": str(built.root[1])}
                return {
                    "user": user, "asset": "USD", "units": str(leaf.units), "salt": leaf.salt.hex(),
                    "path": [{"side": s.side, "hash": s.node[0].hex(), "sum": str(s.node[1])} for s in path],
                    "statement": {"day": "2026-11-30", "trees": [tree], "groups": []}, "previous": "ab" * 32,
                }  # fmt: skip
    raise LookupError(user)


def naive_root(built: merkle.Built) -> merkle.Node:
    """The root computed over all leaves at once, pair by pair."""
    nodes = [
        (leaf_hash(leaf.salt, leaf.user, leaf.units), leaf.units)
        for _, data in built.chunks
        for leaf in merkle.unpack_leaves(data)
    ]
    while len(nodes) > 1:
        pairs = [nodes[at : at + 2] for at in range(0, len(nodes), 2)]
        nodes = [
            (node_hash(pair[0], pair[1]), pair[0][1] + pair[1][1]) if len(pair) == 2 else pair[0]
            for pair in pairs
        ]
    return nodes[0]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(1, 2**40), st.integers(0, 2**62), min_size=1, max_size=40))
def test_every_leaf_is_in_the_sum(owed: dict[int, int]) -> None:
    built = merkle.build(SECRET, owed.items())
    assert built.root == naive_root(built)
    assert built.root[1] == sum(owed.values())
    for user, units in owed.items():
        proof = proof_of(built, user)
        assert int(proof["units"]) == units
        assert check_proof(proof) == night_digest("ab" * 32, proof["statement"])


@pytest.mark.parametrize("count", [1, 2, 1023, 1024, 1025, 2049, 3073])
def test_chunks_are_nodes_of_the_whole_tree(count: int) -> None:
    built = merkle.build(SECRET, ((user, user * 7) for user in range(1, count + 1)))
    assert built.root == naive_root(built)
    assert len(built.chunks) == -(-count // merkle.CHUNK)
    for user in {1, count // 2 + 1, count}:
        check_proof(proof_of(built, user))


def test_a_changed_proof_does_not_hold() -> None:
    built = merkle.build(SECRET, ((user, 100 + user) for user in range(1, 12)))
    proof = proof_of(built, 5)
    digest = check_proof(proof)
    for change in (
        {"units": "106"},
        {"user": 6},
        {"salt": "00" * 16},
        {"salt": "00" * 15},
        {"path": proof["path"][:-1]},
        {"path": [{**proof["path"][0], "sum": "-1"}, *proof["path"][1:]]},
        {"path": [{**proof["path"][0], "side": "left" if proof["path"][0]["side"] == "right" else "right"}]},
        {"asset": "BTC"},
        {"path": None},
        {"units": "1" * 60},
    ):
        with pytest.raises(ProofRefused):
            check_proof({**proof, **change})
    later = copy.deepcopy(proof)
    later["statement"]["day"] = "2026-12-01"
    assert check_proof(later) != digest
    assert check_proof({**proof, "previous": ""}) != digest
    assert check_proof(json.loads(json.dumps(proof))) == digest


def test_equal_balances_have_different_leaves_and_order_tells_nothing() -> None:
    users = [(user, 5) for user in range(1, 200)]
    first, second = (merkle.build(secrets.token_bytes(32), users) for _ in range(2))
    orders = [
        [leaf.user for _, data in built.chunks for leaf in merkle.unpack_leaves(data)]
        for built in (first, second)
    ]
    assert orders[0] != orders[1] != sorted(orders[1])
    assert first.root != second.root
    assert first.root[1] == second.root[1] == 5 * 199


def test_no_leaves_is_an_empty_root() -> None:
    assert merkle.build(SECRET, ()).root == merkle.EMPTY
