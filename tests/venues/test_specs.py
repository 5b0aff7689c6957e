"""Every refusal of what a deployer types, with its sentence, at its field."""

import pytest

from exchange_os.errors import DomainError
from tests.venues.conftest import BTC_USD, ETH_USD, VENUE
from venues.errors import Refusals
from venues.models import Venue
from venues.specs import market_spec, market_specs, venue_spec

pytestmark = pytest.mark.django_db


def test_a_market_in_the_kernels_numbers():
    spec = market_spec({**BTC_USD, "min_size": "0.001"})
    assert (spec.symbol, spec.price_scale, spec.size_scale) == ("BTC-USD", 2, 4)
    assert (spec.lot_units, spec.tick_quote, spec.min_size_lots, spec.reference_ticks) == (
        10_000,
        1,
        10,
        6_500_000,
    )
    assert (spec.band_ppm, spec.maker_fee_ppm, spec.taker_fee_ppm) == (50_000, 200, 500)


def test_what_is_left_empty_has_a_default():
    spec = market_spec(
        {name: BTC_USD[name] for name in ("base", "quote", "tick_size", "lot_size", "reference_price")}
    )
    assert (spec.min_size_lots, spec.band_ppm, spec.maker_fee_ppm, spec.taker_fee_ppm) == (
        1,
        50_000,
        200,
        500,
    )


def test_canonical_decimals_whatever_is_typed():
    spec = market_spec({**BTC_USD, "tick_size": "0.010", "lot_size": "1e-4", "maker_fee_percent": "-0.05 %"})
    assert (format(spec.tick_size, "f"), format(spec.lot_size, "f"), spec.maker_fee_ppm) == (
        "0.01",
        "0.0001",
        -500,
    )


WRONG_MARKETS = [
    ({"base": ""}, "base", "asset_unlisted", "No asset ? is listed; choose one or create it first."),
    ({"base": "DOGE"}, "base", "asset_unlisted", "No asset DOGE is listed; choose one or create it first."),
    ({"quote": "EUR"}, "quote", "asset_unlisted", "No asset EUR is listed; choose one or create it first."),
    ({"quote": "BTC"}, "quote", "same_asset", "Base and quote must be two different assets."),
    ({"tick_size": ""}, "tick_size", "tick_invalid", "Enter a tick above zero, for example 0.01."),
    ({"tick_size": "-1"}, "tick_size", "tick_invalid", "Enter a tick above zero, for example 0.01."),
    ({"tick_size": "1e-13"}, "tick_size", "tick_invalid", "A tick has at most 12 decimals; enter a larger one."),
    ({"lot_size": "x"}, "lot_size", "lot_invalid", "Enter a lot above zero, for example 0.01."),
    ({"lot_size": "Infinity"}, "lot_size", "lot_invalid", "Enter a lot above zero, for example 0.01."),
    (
        {"lot_size": "0.000000001"}, "lot_size", "lot_too_fine",
        "BTC has 8 decimals: the lot must be a multiple of 0.00000001.",
    ),
    (
        {"tick_size": "0.001"}, "tick_size", "tick_lot_not_whole",
        "One tick on one lot is 0.0000001 USD, which is not a whole number of 0.000001 USD, its smallest unit. "
        "Enter a larger tick or a larger lot.",
    ),
    (
        {"tick_size": "0.015", "reference_price": "60000"}, "tick_size", "tick_lot_not_whole",
        "One tick on one lot is 0.0000015 USD, which is not a whole number of 0.000001 USD, its smallest unit. "
        "Enter a larger tick or a larger lot.",
    ),
    ({"min_size": "0"}, "min_size", "min_size_invalid",
     "Enter a size above zero in BTC, or leave it empty for one lot."),
    (
        {"min_size": "0.00015"}, "min_size", "min_size_invalid",
        "The smallest order must be a multiple of the lot, 0.0001.",
    ),
    (
        {"reference_price": ""}, "reference_price", "reference_invalid",
        "Enter the price at which you expect trading to begin, above zero.",
    ),
    (
        {"reference_price": "65000.001"}, "reference_price", "reference_invalid",
        "The opening price must be a multiple of the tick, 0.01.",
    ),
    ({"band_percent": "0.05"}, "band_percent", "band_invalid", "Enter a band from 0.1 to 50 per cent."),
    ({"band_percent": "51"}, "band_percent", "band_invalid", "Enter a band from 0.1 to 50 per cent."),
    (
        {"taker_fee_percent": "1.1"}, "taker_fee_percent", "taker_fee_invalid",
        "Enter a taker fee from 0 to 1 per cent, at most four decimals.",
    ),
    (
        {"taker_fee_percent": "0.00001"}, "taker_fee_percent", "taker_fee_invalid",
        "Enter a taker fee from 0 to 1 per cent, at most four decimals.",
    ),
    (
        {"maker_fee_percent": "-0.06"}, "maker_fee_percent", "maker_fee_invalid",
        "A maker fee or rebate may not exceed the taker fee, 0.05 per cent.",
    ),
    (
        {"lot_size": "1000000", "reference_price": "900000"}, "lot_size", "lot_too_large",
        "The lot is too large; enter a smaller one.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "field", "code", "sentence"), WRONG_MARKETS)
def test_a_wrong_market_is_refused_at_its_field(change, field, code, sentence):
    with pytest.raises(Refusals) as refused:
        market_spec({**BTC_USD, **change})
    assert {name: (error.code, error.message) for name, error in refused.value.errors.items()} == {
        field: (code, sentence)
    }


def test_every_fault_is_named_at_once():
    with pytest.raises(Refusals) as refused:
        market_spec({})
    assert set(refused.value.errors) == {"base", "quote", "tick_size", "lot_size"}


def test_the_same_market_twice_is_refused_at_the_second():
    with pytest.raises(Refusals) as refused:
        market_specs([BTC_USD, ETH_USD, BTC_USD])
    assert list(refused.value.errors) == ["market-2-base"]
    assert refused.value.message == "This venue already has a market BTC-USD; change one of them."


def test_a_launch_needs_a_market():
    with pytest.raises(Refusals) as refused:
        market_specs([])
    assert (refused.value.code, refused.value.message) == ("no_market", "Add at least one market.")


WRONG_VENUES = [
    ({"name": "  x "}, "name", "name_invalid", "Give the venue a name of 3 to 40 characters."),
    ({"name": "n" * 41}, "name", "name_invalid", "Give the venue a name of 3 to 40 characters."),
    (
        {"slug": "No way!"}, "slug", "slug_invalid",
        "Use 3 to 30 letters a to z, digits and single dashes, for example north-exchange.",
    ),
    ({"slug": "a--b"}, "slug", "slug_invalid", None),
    ({"slug": "-abc"}, "slug", "slug_invalid", None),
    ({"slug": "ab"}, "slug", "slug_invalid", None),
    ({"slug": "admin"}, "slug", "slug_reserved", "The address admin is reserved; choose another."),
    ({"accent": "red"}, "accent", "accent_invalid", "Give a colour as # and six hexadecimal digits."),
    ({"accent": "#12345g"}, "accent", "accent_invalid", None),
    ({"description": "d" * 281}, "description", "description_too_long", "Keep it to 280 characters; this has 281."),
]  # fmt: skip


@pytest.mark.parametrize(("change", "field", "code", "sentence"), WRONG_VENUES)
def test_a_wrong_venue_is_refused_at_its_field(change, field, code, sentence):
    with pytest.raises(Refusals) as refused:
        venue_spec({**VENUE, **change})
    assert {name: error.code for name, error in refused.value.errors.items()} == {field: code}
    if sentence:
        assert refused.value.message == sentence


@pytest.mark.parametrize(
    ("state", "free"), [("open", False), ("launching", False), ("halted", False), ("failed", True)]
)
def test_an_address_is_free_only_if_no_living_venue_has_it(deployer, state, free):
    Venue.objects.create(slug="north", name="North", deployer=deployer.deployer, group_id=1, state=state)
    if free:
        assert venue_spec(VENUE).slug == "north"
        return
    with pytest.raises(DomainError) as refused:
        venue_spec(VENUE)
    assert refused.value.message == "Another venue has the address north; choose another."
