"""Command frames of the kernel: encoded, cut apart and decoded again; what does not fit is an error."""

import struct
from typing import Any

import exchange_kernel as xk
import pytest

FRAMES: list[tuple[bytes, dict[str, Any]]] = [
    (
        xk.place(
            16,
            3,
            side=xk.SELL,
            tif=xk.GTD,
            price_ticks=7,
            size_lots=8,
            client_id=b"me-1",
            stp=2,
            post_only=True,
            expires_ms=99,
            deadline_ms=98,
            key=5,
            builder=6,
        ),
        {
            "kind": "place",
            "account": 16,
            "market": 3,
            "key": 5,
            "side": 1,
            "order_type": 0,
            "tif": 1,
            "price_ticks": 7,
            "size_lots": 8,
            "client_id": "me-1",
            "stp": 2,
            "post_only": True,
            "quote_size": False,
            "expires_ms": 99,
            "deadline_ms": 98,
            "builder": 6,
        },
    ),
    (
        xk.place(16, 0, side=xk.BUY, order_type=xk.MARKET, tif=xk.IOC, size_lots=1 << 50, quote_size=True),
        {
            "kind": "place",
            "side": 0,
            "order_type": 1,
            "tif": 2,
            "price_ticks": 0,
            "size_lots": 1 << 50,
            "quote_size": True,
        },
    ),
    (
        xk.amend(
            17,
            2,
            order_id=9,
            new_price_ticks=10,
            new_size_lots=11,
            deadline_ms=12,
            cancel_on_fail=True,
            key=4,
        ),
        {
            "kind": "amend",
            "account": 17,
            "market": 2,
            "key": 4,
            "order_id": 9,
            "new_price_ticks": 10,
            "new_size_lots": 11,
            "deadline_ms": 12,
        },
    ),
    (xk.cancel(17, 2, client_id="c"), {"kind": "cancel", "order_id": 0, "client_id": "c"}),
    (xk.mass_cancel(17), {"kind": "mass_cancel", "market": None, "side": 2}),
    (xk.mass_cancel(17, market=1, side=xk.SELL), {"kind": "mass_cancel", "market": 1, "side": 1}),
    (xk.cancel_all_after(17, timeout_ms=60_000), {"kind": "cancel_all_after", "timeout_ms": 60_000}),
    (
        xk.open_account(20, owner=2**64 - 1, tier=3),
        {"kind": "open_account", "account": 20, "owner": 2**64 - 1, "tier": 3},
    ),
    (xk.set_account(20, owner=1, flags=3), {"kind": "set_account", "owner": 1, "tier": 0, "flags": 3}),
    (
        xk.deposit(20, 2, 2**63 - 1, transfer_id=2**64 - 1, issued_ms=5),
        {
            "kind": "deposit",
            "account": 20,
            "asset": 2,
            "amount": 2**63 - 1,
            "transfer_id": 2**64 - 1,
            "issued_ms": 5,
        },
    ),
    (
        xk.withdraw(20, 2, 3, transfer_id=4, issued_ms=5),
        {"kind": "withdraw", "asset": 2, "amount": 3, "transfer_id": 4},
    ),
    (
        xk.add_asset(2, scale=8, symbol="USD"),
        {"kind": "add_asset", "account": 0, "asset": 2, "scale": 8, "symbol": "USD"},
    ),
    (
        xk.add_market(0, base=1, quote=2, lot_size=10, tick_quote=3, maker_ppm=-5, taker_ppm=9, symbol="A-B"),
        {
            "kind": "add_market",
            "market": 0,
            "base": 1,
            "quote": 2,
            "lot_size": 10,
            "tick_quote": 3,
            "symbol": "A-B",
        },
    ),
    (
        xk.set_market_params(1, maker_ppm=0, taker_ppm=1, protocol_share_ppm=2),
        {"kind": "set_market_params", "market": 1},
    ),
    (
        xk.set_fee_tier(1, 2, maker_ppm=-3, taker_ppm=4),
        {"kind": "set_fee_tier", "market": 1, "tier": 2, "maker_ppm": -3, "taker_ppm": 4},
    ),
    (xk.set_phase(1, xk.PHASE_HALTED), {"kind": "set_phase", "market": 1, "phase": 3}),
    (xk.set_limits(max_accounts=7), {"kind": "set_limits", "max_accounts": 7, "max_markets": 4_096}),
    (xk.tick(), {"kind": "tick", "account": 0, "market": None}),
]


@pytest.mark.parametrize(
    ("frame", "members"), FRAMES, ids=[f"{at}-{row[1]['kind']}" for at, row in enumerate(FRAMES)]
)
def test_an_encoded_command_decodes_to_what_it_was(frame: bytes, members: dict[str, Any]) -> None:
    decoded = xk.decode_command(frame)
    assert {name: decoded[name] for name in members} == members
    assert (xk.count_commands(frame), xk.command_kind(frame)) == (1, xk.KINDS[members["kind"]])
    assert struct.unpack_from("<HB", frame) == (len(frame), xk.KINDS[members["kind"]])


def test_every_kind_has_an_encoder() -> None:
    several = {"place_iceberg": "place_slices", "place_twap": "place_slices", "auction": "begin_auction"}
    kinds = set(xk.KINDS) - {"poison"}  # set aside by the engine, never sent
    assert {kind for kind in kinds if not hasattr(xk, several.get(kind, kind))} == set()
    assert {members["kind"] for _, members in FRAMES} <= kinds


@pytest.mark.parametrize(
    ("kind", "frame"),
    [
        ("set_leverage", xk.set_leverage(16, 1, leverage=5)),
        ("move_margin", xk.move_margin(16, 1, amount=-7)),
        ("set_margin_mode", xk.set_margin_mode(16, 1, isolated=True)),
        ("close_position", xk.close_position(16, 1, turn=True)),
    ],
)
def test_frames_of_contracts_carry_their_kind(kind: str, frame: bytes) -> None:
    assert xk.command_kind(frame) == xk.KINDS[kind]
    assert xk.count_commands(frame) == 1


def test_frames_are_cut_where_they_were_joined() -> None:
    frames = [frame for frame, _ in FRAMES]
    joined = b"".join(frames)
    assert xk.split_commands(joined) == frames
    assert xk.count_commands(joined) == len(frames)
    for broken in (joined[:-1], joined + b"\x10", b"\x0f\x00" + bytes(14), b"\x01"):
        with pytest.raises(ValueError):
            xk.count_commands(broken)
        with pytest.raises(ValueError):
            xk.split_commands(broken)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: xk.place(2**32, 0, side=0, size_lots=1),
        lambda: xk.place(-1, 0, side=0, size_lots=1),
        lambda: xk.place(16, 0, side=0, size_lots=2**63),
        lambda: xk.place(16, 0, side=2, size_lots=1),
        lambda: xk.place(16, 0, side=0, size_lots=1, client_id="x" * 33),
        lambda: xk.deposit(16, 1, 2**63, transfer_id=1, issued_ms=0),
        lambda: xk.deposit(16, 1, 1, transfer_id=2**64, issued_ms=0),
        lambda: xk.open_account(16, owner=-1),
    ],
)
def test_what_does_not_fit_its_field_is_an_error(wrong: Any) -> None:
    with pytest.raises((OverflowError, ValueError)):
        wrong()
