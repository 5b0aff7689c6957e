"""Turning recorded events into bulk items: which are sent, by whom, and in which order."""

from exchange_os.demo.order_events import BadRow, OrderEvent
from exchange_os.demo.replay import Item, Tally, account_of, bodies_of, decimal_text, items_of, requests_of


def _event(order_id: str = "1", action: str = "created", side: str = "buy", **more: int) -> OrderEvent:
    members = {"line": 2, "time_ms": 1, "price_e8": 23_647_000_000, "volume_e8": 178_855_669} | more
    return OrderEvent(order_id=order_id, action=action, side=side, **members)


def test_created_is_placed_and_deleted_is_cancelled_under_the_files_id() -> None:
    tally = Tally()
    items = list(items_of([_event(), _event(action="deleted")], "BTC-USD", 4, tally))
    assert [item.body for item in items] == [
        {
            "op": "place", "instId": "BTC-USD", "clOrdId": "1", "side": "buy", "ordType": "limit",
            "px": "236.47", "sz": "1.788556",
        },
        {"op": "cancel", "instId": "BTC-USD", "clOrdId": "1"},
    ]  # fmt: skip
    assert items[0].account == items[1].account
    assert (tally.rows, tally.rounded) == (2, 1)


def test_what_is_not_sent_is_counted_by_reason() -> None:
    tally = Tally()
    rows = [
        _event(action="changed"),
        _event(action="deleted", volume_e8=0),
        _event(volume_e8=99),
        _event(price_e8=1),
        BadRow(6, "7 columns"),
        _event("9"),
        _event("9"),
    ]
    assert len(list(items_of(rows, "BTC-USD", 4, tally))) == 2
    assert sum(tally.skipped.values()) == 4
    assert tally.bad_rows == [BadRow(6, "7 columns")]
    assert tally.repeated_rows == 2


def test_buyers_and_sellers_are_never_the_same_account() -> None:
    buyers = {account_of(_event(str(number)), 5) for number in range(200)}
    sellers = {account_of(_event(str(number), side="sell"), 5) for number in range(200)}
    assert buyers == {0, 1}
    assert sellers == {2, 3, 4}


def test_requests_keep_the_order_and_their_bodies_hold_one_account_each() -> None:
    items = [Item(account, {"clOrdId": str(place)}) for place, account in enumerate((0, 0, 1, 0, 0, 0))]
    first, second = requests_of(items, limit=4)
    assert bodies_of(first) == [
        (0, [{"clOrdId": "0"}, {"clOrdId": "1"}]),
        (1, [{"clOrdId": "2"}]),
        (0, [{"clOrdId": "3"}]),
    ]
    assert bodies_of(second) == [(0, [{"clOrdId": "4"}, {"clOrdId": "5"}])]


def test_decimals_are_canonical() -> None:
    assert decimal_text(23_647_000_000) == "236.47"
    assert decimal_text(100_000_000) == "1"
    assert decimal_text(10_000_000_000) == "100"
    assert decimal_text(1) == "0.00000001"


def test_quantiles_weigh_bodies_by_their_items() -> None:
    tally = Tally(ack_seconds=[(0.001, 98), (0.050, 2)])
    assert tally.quantile_ms(500) == 1.0
    assert tally.quantile_ms(990) == 50.0
