"""Bulk bodies: JSON of many orders to frames and their acks back to rows, item by item."""

import json
import struct
from typing import Any

import exchange_kernel as xk
import pytest

ITEM = {"op": "place", "instId": "BTC-USD", "side": "buy", "ordType": "limit", "px": "236.50", "sz": "0.25"}


@pytest.fixture
def instruments() -> xk.Instruments:
    """BTC-USD is market 4: ticks of 0.05, lots of 0.001, quote of two decimals."""
    instruments = xk.Instruments()
    instruments.add("BTC-USD", 4, price_scale=2, tick_units=5, size_scale=8, lot_units=100_000, quote_scale=2)
    assert len(instruments) == 1
    return instruments


def decoded(instruments: xk.Instruments, *items: dict[str, Any], **options: Any) -> xk.BulkCommands:
    return xk.decode_bulk(json.dumps({"items": items}).encode(), instruments, 16, **options)


def test_items_become_commands_in_order(instruments: xk.Instruments) -> None:
    bulk = decoded(
        instruments,
        ITEM | {"clOrdId": "a1", "stpMode": "cancel_both"},
        ITEM | {"side": "sell", "ordType": "post_only"},
        ITEM | {"ordType": "market", "px": "", "sz": "12.34", "tgtCcy": "quote_ccy"},
        {"op": "cancel", "instId": "BTC-USD", "clOrdId": "a1"},
        {"op": "amend", "instId": "BTC-USD", "ordId": "7", "newPx": "236.55"},
        key=9,
        deadline_ms=1_000,
    )
    assert (bulk.items, bulk.count, bulk.errors) == (5, 5, [])
    commands = [xk.decode_command(frame) for frame in xk.split_commands(bulk.packed)]
    assert [command["kind"] for command in commands] == ["place", "place", "place", "cancel", "amend"]
    assert {(c["account"], c["market"], c["key"], c["deadline_ms"]) for c in commands} == {(16, 4, 9, 1_000)}
    assert (commands[0]["price_ticks"], commands[0]["size_lots"]) == (4_730, 250)
    assert (commands[0]["client_id"], commands[0]["stp"]) == ("a1", xk.STP_CANCEL_BOTH)
    assert (commands[1]["side"], commands[1]["post_only"]) == (1, True)
    assert (commands[2]["order_type"], commands[2]["size_lots"], commands[2]["quote_size"]) == (
        1,
        1_234,
        True,
    )
    assert (commands[4]["order_id"], commands[4]["new_price_ticks"], commands[4]["new_size_lots"]) == (
        7,
        4_731,
        0,
    )


@pytest.mark.parametrize("text", ["236.50", "236.5", "0236.500", "236.50000000000"])
def test_a_decimal_may_be_written_in_many_ways(instruments: xk.Instruments, text: str) -> None:
    bulk = decoded(instruments, ITEM | {"px": text})
    assert xk.decode_command(bulk.packed)["price_ticks"] == 4_730


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-1",
        "+1",
        "1e2",
        "1E2",
        "0x10",
        "NaN",
        "Infinity",
        "1,5",
        "1.2.3",
        " 1",
        "1 ",
        "236.51",
        "236.505",
        "236.500000000000000000000000000000000000000000000001",
        "9" * 30,
        "1" + "0" * 60,
        "\u0661",
        "1\u00a00",
        "236.5\n",
    ],
)
def test_a_bad_price_fails_its_own_item_only(instruments: xk.Instruments, text: str) -> None:
    bulk = decoded(instruments, ITEM, ITEM | {"px": text}, ITEM)
    assert (bulk.items, bulk.count) == (3, 2)
    assert [(index, code) for index, code, _ in bulk.errors] == [(1, "51000")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sz": "0.0001"}, "51121"),
        ({"sz": ""}, "51121"),
        ({"sz": "0.0010000001"}, "51121"),
        ({"side": "up"}, "51000"),
        ({"ordType": "stop"}, "51000"),
        ({"instId": "ETH-USD"}, "51001"),
        ({"op": "buy"}, "51000"),
        ({"stpMode": "none"}, "51000"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"clOrdId": "a b"}, "51000"),
        ({"clOrdId": "ä"}, "51000"),
        ({"px": 236.5}, "50002"),
        ({"sz": None}, "50002"),
        ({"op": "cancel"}, "50014"),
        ({"op": "cancel", "ordId": "x"}, "51000"),
        ({"op": "cancel", "ordId": str(2**64)}, "51000"),
        ({"op": "amend", "ordId": "1", "newSz": "0.00001"}, "51121"),
    ],
)
def test_a_bad_item_is_told_by_its_code(
    instruments: xk.Instruments, changes: dict[str, Any], code: str
) -> None:
    bulk = decoded(instruments, ITEM | changes)
    assert (bulk.count, bulk.packed) == (0, b"")
    assert [(index, found) for index, found, _ in bulk.errors] == [(0, code)]
    answer = json.loads(xk.render_bulk(b"", bulk))
    assert (answer["code"], answer["data"][0]["sCode"]) == ("1", code)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b'{"items": {}}', b'{"items": []}', b'{"items": [', b"\xff\xfe", b"1"],
)
def test_a_body_that_is_no_list_of_items_is_refused(instruments: xk.Instruments, body: bytes) -> None:
    with pytest.raises(ValueError):
        xk.decode_bulk(body, instruments, 16)


def test_more_items_than_allowed_are_refused(instruments: xk.Instruments) -> None:
    assert decoded(instruments, ITEM, ITEM, max_items=2).count == 2
    with pytest.raises(ValueError):
        decoded(instruments, ITEM, ITEM, ITEM, max_items=2)


def test_items_that_are_no_objects_fail_alone(instruments: xk.Instruments) -> None:
    body = b'{"items": [1, "x", null, [], ' + json.dumps(ITEM).encode() + b', {"op": {"a": 1}}]}'
    bulk = xk.decode_bulk(body, instruments, 16)
    assert (bulk.items, bulk.count) == (6, 1)
    assert [index for index, _, _ in bulk.errors] == [0, 1, 2, 3, 5]


def test_rows_come_back_in_order_and_as_sound_json(instruments: xk.Instruments) -> None:
    odd = 'q"\\</script>'
    bulk = decoded(instruments, ITEM | {"clOrdId": odd}, ITEM | {"px": "x", "clOrdId": "bad"}, ITEM)
    kernel = xk.Kernel(1)
    acks = kernel.apply(bulk.packed, 0).acks
    answer = json.loads(xk.render_bulk(acks, bulk))
    assert [row["clOrdId"] for row in answer["data"]] == [odd, "bad", ""]
    unknown = xk.OKX_CODES[203][0]
    assert [row["sCode"] for row in answer["data"]] == [unknown, "51000", unknown]
    assert answer["code"] == "1"
    for wrong in (acks[:-32], acks + acks, acks[:-1]):
        with pytest.raises(ValueError):
            xk.render_bulk(wrong, bulk)


def test_the_code_tells_whether_all_some_or_none_went_well(instruments: xk.Instruments) -> None:
    bulk = decoded(instruments, ITEM, ITEM)
    good = xk.Ack(5, 0, 250, 0, xk.STATE_OPEN, 0, 0)
    bad = xk.Ack(0, 0, 0, 403, 0, 0, 0)
    for acks, code in (([good, good], "0"), ([good, bad], "2"), ([bad, bad], "1")):
        packed = b"".join(struct.pack(xk.ACK_FORMAT, *ack) for ack in acks)
        answer = json.loads(xk.render_bulk(packed, bulk))
        assert answer["code"] == code
        assert [row["ordId"] for row in answer["data"]] == ["5" if ack is good else "" for ack in acks]
