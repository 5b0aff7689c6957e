"""Conditional orders as the ticket's form describes them."""

from decimal import Decimal
from typing import Any

import pytest

from exchange_os.errors import DomainError
from trading.pages.ticket import TicketForm
from trading.services.algos import Attached, Distance, Slices, Wait


def form(**typed: Any) -> TicketForm:
    """A valid form of the conditional ticket."""
    made = TicketForm({"side": "sell", "type": "algo", "size": "2", "client_id": "c1", **typed})
    assert made.is_valid(), made.errors
    return made


def test_a_stop_waits_on_whichever_side_the_price_is() -> None:
    draft = form(plan="stop", trigger="1,950", order_price="1940").conditional()
    assert draft.trigger == Wait(Decimal(1950), Decimal(1940))
    assert (draft.side, draft.size, draft.client_id) == ("sell", Decimal(2), "c1")
    assert form(plan="stop", trigger="1950").conditional().trigger == Wait(Decimal(1950))


def test_a_pair_fires_on_both_sides() -> None:
    draft = form(plan="oco", profit="2100", stop="1900").conditional()
    assert (draft.profit, draft.stop) == (Wait(Decimal(2100), rises=True), Wait(Decimal(1900), rises=False))
    bought = form(side="buy", plan="oco", profit="1900", stop="2100").conditional()
    assert (bought.profit, bought.stop) == (Wait(Decimal(1900), rises=False), Wait(Decimal(2100), rises=True))


def test_trailing_stops_and_slices() -> None:
    assert form(plan="trailing", trail="1.5").conditional().trail == Distance(ratio=Decimal("0.015"))
    iceberg = form(plan="iceberg", slice="0.5", order_price="2000").conditional()
    assert iceberg.slices == Slices(Decimal(2000), Decimal("0.5"))
    twap = form(plan="twap", slice="0.5", order_price="2000", interval="30").conditional()
    assert twap.slices == Slices(Decimal(2000), Decimal("0.5"), interval_ms=30_000)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ({"plan": "stop", "trigger": ""}, "trigger_invalid"),
        ({"plan": "oco", "profit": "2100", "stop": ""}, "plan_incomplete"),
        ({"plan": "trailing", "trail": "x"}, "trail_invalid"),
        ({"plan": "iceberg", "slice": "1", "order_price": ""}, "plan_incomplete"),
        ({"plan": "twap", "slice": "1", "order_price": "5", "interval": "9999"}, "interval_invalid"),
        ({"plan": "stop", "trigger": "5", "size": "0"}, "size_invalid"),
    ],
)
def test_what_is_missing_is_named(typed: dict[str, str], code: str) -> None:
    with pytest.raises(DomainError) as refused:
        form(**typed).conditional()
    assert refused.value.code == code


def test_what_hangs_on_an_order_closes_it() -> None:
    made = TicketForm(
        {
            "side": "buy",
            "type": "limit",
            "price": "2000",
            "size": "1",
            "take_profit": "2100",
            "stop_loss": "1900",
        }
    )
    assert made.is_valid()
    assert made.attached() == Attached(Wait(Decimal(2100), rises=True), Wait(Decimal(1900), rises=False))
    plain = TicketForm({"side": "buy", "type": "limit", "price": "2000", "size": "1"})
    assert plain.is_valid()
    assert plain.attached() is None
