"""Decimals to ticks and lots and back, exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from venues.instruments import Instrument

BTC_USD = Instrument(
    market_id=1, venue_id=1, venue_slug="north", group_id=1, number=0, symbol="BTC-USD", kind="spot", phase=2,
    base=Asset(symbol="BTC", scale=8), quote=Asset(symbol="USD", scale=6), tick_size=Decimal("0.05"),
    lot_size=Decimal("0.0001"), price_scale=2, size_scale=4, lot_units=10_000, tick_quote=5, min_size_lots=1,
    reference_ticks=1_300_000, band_ppm=50_000, maker_fee_ppm=200, taker_fee_ppm=500,
)  # fmt: skip


def test_prices_and_sizes():
    assert BTC_USD.to_ticks("65000.05") == 1_300_001
    assert BTC_USD.to_ticks(" 6.5e4 ") == 1_300_000
    assert BTC_USD.to_lots(Decimal("1.5")) == 15_000
    assert (BTC_USD.price_text(1_300_000), BTC_USD.price_display(1_300_000)) == ("65000", "65000.00")
    assert (BTC_USD.size_text(15_000), BTC_USD.size_display(15_000)) == ("1.5", "1.5000")
    assert (BTC_USD.notional(1_300_001, 15_000), BTC_USD.notional_text(1_300_001, 15_000)) == (
        97_500_075_000,
        "97500.075",
    )


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("65000.01", "price_off_tick", "The price must be a multiple of 0.05."),
        ("0", "price_invalid", "Enter a price above zero in USD."),
        ("-1", "price_invalid", "Enter a price above zero in USD."),
        ("NaN", "price_invalid", "Enter a price above zero in USD."),
        ("1e39", "price_invalid", "The price is too large."),
        ("1e999999", "price_invalid", "Enter a price above zero in USD."),
        ("9" * 41, "price_invalid", "Enter a price above zero in USD."),
        ("abc", "price_invalid", "Enter a price above zero in USD."),
        ("", "price_invalid", "Enter a price above zero in USD."),
        ("1_000", "price_invalid", "Enter a price above zero in USD."),
        ("１", "price_invalid", "Enter a price above zero in USD."),
    ],
)
def test_a_wrong_price_is_refused(text, code, sentence):
    with pytest.raises(DomainError) as refused:
        BTC_USD.to_ticks(text)
    assert (refused.value.code, refused.value.field, refused.value.message) == (code, "price", sentence)


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("0.00015", "size_off_lot", "The size must be a multiple of 0.0001 BTC."),
        ("0", "size_invalid", "Enter a size above zero in BTC."),
        ("1e30", "size_invalid", "The size is too large."),
    ],
)
def test_a_wrong_size_is_refused(text, code, sentence):
    with pytest.raises(DomainError) as refused:
        BTC_USD.to_lots(text)
    assert (refused.value.code, refused.value.field, refused.value.message) == (code, "size", sentence)


@given(st.integers(1, 2**63 - 1))
def test_every_tick_and_lot_comes_back(number):
    assert BTC_USD.to_ticks(BTC_USD.price_text(number)) == number
    assert BTC_USD.to_lots(BTC_USD.size_text(number)) == number
    assert "e" not in BTC_USD.price_text(number).lower()
