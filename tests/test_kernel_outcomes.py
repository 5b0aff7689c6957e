"""Outcome markets through the Python face of the kernel."""

import json
from typing import Any

import exchange_kernel as xk
import pytest

USD = 1
MAKER, TAKER = 16, 17
NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("frame", "members"),
    [
        (
            xk.add_event(3, 7, outcomes=4, fallback=2, close_ms=9),
            {"kind": "add_event", "event": 3, "first_market": 7, "outcomes": 4, "fallback": 2, "close_ms": 9},
        ),
        (xk.add_event(3, 7, scalar=True), {"kind": "add_event", "outcomes": 2, "fallback": 0xFFFF, "event_flags": 3}),
        (xk.add_outcome(3, 8), {"kind": "add_outcome", "event": 3, "market": 8}),
        (xk.close_event(3, close_ms=5), {"kind": "close_event", "event": 3, "close_ms": 5}),
        (
            xk.resolve_event(3, [(2, 40), (1, 0), (0, 60)], is_final=True),
            {"kind": "resolve_event", "event": 3, "payouts": [(0, 60), (2, 40)], "is_final": True},
        ),
        (xk.void_event(3, is_final=False), {"kind": "void_event", "event": 3, "is_final": False}),
        (xk.merge_outcomes(16, 3, lots=4, key=2), {"kind": "merge_outcomes", "event": 3, "lots": 4, "key": 2}),
        (xk.split_outcomes(16, 3, lots=4), {"kind": "split_outcomes", "event": 3, "lots": 4, "market": None}),
        (xk.place(16, 1, side=xk.BUY, price_ticks=40, size_lots=1, no_side=True), {"no_side": True, "side": 0}),
    ],
)  # fmt: skip
def test_an_encoded_command_decodes_to_what_it_was(frame: bytes, members: dict[str, Any]) -> None:
    decoded = xk.decode_command(frame)
    assert {name: decoded[name] for name in members} == members


def test_a_resolution_pays_something() -> None:
    with pytest.raises(ValueError, match="1 to 120 outcomes"):
        xk.resolve_event(0, [(0, 0)], is_final=True)


def test_a_question_is_traded_from_both_sides_and_settled() -> None:
    kernel = xk.Kernel(1)
    frames = [
        xk.add_asset(USD, scale=2, symbol="USD"),
        xk.add_market(
            0, kind=xk.OUTCOME, base=0xFFFFFFFF, quote=USD, lot_size=1, tick_quote=1, payout_ticks=100, band_ppm=0,
            symbol="RAIN",
        ),
        xk.add_event(0, 0, one_book=True),
        xk.set_phase(0, xk.PHASE_OPEN),
    ]  # fmt: skip
    for account in (MAKER, TAKER):
        frames += [
            xk.open_account(account, owner=account),
            xk.deposit(account, USD, 10_000, transfer_id=account, issued_ms=NOW_MS),
        ]
    frames += [
        xk.place(MAKER, 0, side=xk.BUY, price_ticks=40, size_lots=10, no_side=True),
        xk.place(TAKER, 0, side=xk.BUY, price_ticks=60, size_lots=10),
    ]
    applied = kernel.apply(b"".join(frames), NOW_MS)
    assert [ack.code for ack in xk.decode_acks(applied.acks) if ack.code] == []
    events = xk.decode_events(applied.events)
    placed = next(event for event in events if event["kind"] == "order")
    assert (placed["no_side"], placed["side"], placed["price_ticks"]) == (True, xk.SELL, 60)
    positions = {event["account"]: event["lots"] for event in events if event["kind"] == "position"}
    assert positions == {MAKER: -10, TAKER: 10}
    holding = json.loads(kernel.query(json.dumps({"q": "account", "account": MAKER}).encode()))["outcomes"][0]
    assert (holding["worst"], holding["positions"][0]["entry"]) == (-1_000, -600)

    kernel.apply(xk.resolve_event(0, [(1, 100)], is_final=True), NOW_MS)
    applied = kernel.apply(xk.tick(), NOW_MS)
    paid = [event for event in xk.decode_events(applied.events) if event["kind"] == "settlement"]
    assert [(event["account"], event["lots"], event["payout_ticks"], event["amount"]) for event in paid] == [
        (MAKER, -10, 0, 0),
        (TAKER, 10, 0, 0),
    ]
    assert paid[0]["cash_after"] == 10_600
    answer = json.loads(kernel.query(b'{"q":"event","event":0}'))["event"]
    assert (answer["state_name"], answer["outcomes"][1]["payout_ticks"]) == ("settled", 100)
