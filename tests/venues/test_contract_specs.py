"""Every refusal of what a deployer types of a perpetual or an event, with its sentence, at its field."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from exchange_os.ledger.models import Asset
from tests.venues.conftest import BTC_USD, PERPETUAL
from venues.contract_specs import PerpetualSpec, perpetual_spec
from venues.economics import trade_example
from venues.errors import Refusals
from venues.event_rules import split_rules
from venues.event_specs import EventSpec, event_spec
from venues.specs import market_specs

pytestmark = pytest.mark.django_db

CLOSES = (timezone.now() + timedelta(days=30)).replace(hour=19, minute=0, second=0, microsecond=0)
EVENT = {
    "kind": "outcome", "event_kind": "binary", "title": "Does it rain in Rome on the day?", "series": "rain",
    "code": "rome", "quote": "USD", "closes": f"{CLOSES:%Y-%m-%d %H:%M}", "window_hours": "2", "tick_size": "0.01",
    "rules": "Yes if the station of the airport reports more than 1 mm.", "source": "https://example.com/rome",
    "cut_off": "What is reported until midnight UTC.", "tie": "Exactly 1 mm is No.", "void": "The station is down.",
}  # fmt: skip
TEAMS = {**EVENT, "event_kind": "multiple", "outcomes": "Argentina\nFrance\nP\nAny other"}


def test_a_perpetual_in_the_kernels_numbers() -> None:
    spec = perpetual_spec(PERPETUAL)
    assert (spec.symbol, spec.price_scale, spec.tick_quote, spec.reference_ticks) == (
        "BTC-USD-SWAP", 1, 100, 650_000,
    )  # fmt: skip
    assert spec.tiers == (
        (50_000_000_000, 50_000, 25_000),
        (200_000_000_000, 100_000, 50_000),
        (800_000_000_000, 200_000, 100_000),
        (3_200_000_000_000, 400_000, 200_000),
    )
    assert spec.params["sources"] == [
        f"push {'A' * 43}=",
        f"pyth {'0' * 64}",
    ]


WRONG_PERPETUALS = [
    ({"base": "USD"}, "quote", "same_asset"),
    ({"quote": "ETH"}, "quote", "settlement_unpriced"),
    ({"contract_value": "0"}, "contract_value", "contract_invalid"),
    ({"contract_value": "0.000001"}, "tick_size", "tick_lot_not_whole"),
    ({"contract_value": "100000"}, "contract_value", "contract_too_large"),
    ({"max_leverage": "101"}, "max_leverage", "leverage_invalid"),
    ({"tier_value": "-1"}, "tier_value", "amount_invalid"),
    ({"interest_cap": "1.5"}, "interest_cap", "interest_cap_invalid"),
    ({"funding_cap_percent": "5"}, "funding_cap_percent", "funding_cap_invalid"),
    ({"sources": ""}, "sources", "sources_missing"),
    ({"sources": "rumour somewhere"}, "sources", "source_invalid"),
    ({"sources": "push short"}, "sources", "source_invalid"),
    ({"sources": "market nowhere/BTC-USD"}, "sources", "source_invalid"),
    ({"sources": "chainlink https://node.example"}, "sources", "source_invalid"),
    ({"sources": "pyth a\npyth a"}, "sources", "sources_invalid"),
    ({"reference_price": "65000.05"}, "reference_price", "reference_invalid"),
]


@pytest.mark.parametrize(("change", "field", "code"), WRONG_PERPETUALS)
def test_a_wrong_perpetual_is_refused_at_its_field(change: dict[str, str], field: str, code: str) -> None:
    with pytest.raises(Refusals) as refused:
        perpetual_spec({**PERPETUAL, **change})
    assert {name: error.code for name, error in refused.value.errors.items()} == {field: code}
    assert all(error.message.endswith(".") for error in refused.value.errors.values())


def test_contracts_of_a_venue_settle_in_one_asset() -> None:
    with pytest.raises(Refusals) as refused:
        perpetual_spec(PERPETUAL, settlement=Asset.objects.get(symbol="ETH"))
    assert refused.value.message == "Contracts of this venue settle in ETH; choose it here too."


def test_a_binary_event_has_one_market() -> None:
    spec = event_spec(EVENT)
    stem = f"{CLOSES:%y%m%d-%H%M}"
    assert (spec.symbol, spec.code) == (f"RAIN-{stem}-ROME", f"{stem}-ROME")
    assert spec.outcomes == (("Yes", f"RAIN-{stem}-ROME"),)
    assert (spec.payout_ticks, spec.tick_quote, spec.reference_ticks) == (100, 10_000, 50)
    assert spec.closes == CLOSES.astimezone(UTC)


def test_the_rules_of_an_event_are_one_text_of_four_parts() -> None:
    text = event_spec({**EVENT, "tie": " Exactly 1 mm\nis No. "}).rules
    assert text.split("\n") == [
        "Yes if the station of the airport reports more than 1 mm.",
        "Cut-off: What is reported until midnight UTC.",
        "Tie: Exactly 1 mm is No.",
        "Void: The station is down.",
    ]
    assert split_rules(text)["tie"] == "Exactly 1 mm is No."
    assert event_spec({**EVENT, **split_rules(text)}).rules == text
    assert split_rules("Something older.\nTie: no.") == {"rules": "Something older.\nTie: no."}


def test_an_event_of_several_outcomes_has_a_market_each() -> None:
    spec = event_spec(TEAMS)
    stem = f"RAIN-{CLOSES:%y%m%d-%H%M}"
    assert spec.symbols == [f"{stem}-ARGENTINA", f"{stem}-FRANCE", f"{stem}-PX", f"{stem}-ANYOTHER"]
    assert (spec.fallback, spec.reference_ticks) == (3, 25)


WRONG_EVENTS = [
    ({"event_kind": "riddle"}, "event_kind", "kind_invalid"),
    ({"title": "Rain?"}, "title", "title_invalid"),
    ({"rules": "It rains."}, "rules", "rules_invalid"),
    ({"cut_off": ""}, "cut_off", "cut_off_invalid"),
    ({"tie": " "}, "tie", "tie_invalid"),
    ({"void": "No."}, "void", "void_invalid"),
    ({"void": "v" * 401}, "void", "void_invalid"),
    ({"source": ""}, "source", "source_invalid"),
    ({"series": "a-b"}, "series", "series_invalid"),
    ({"code": "x"}, "code", "code_invalid"),
    ({"closes": "tomorrow"}, "closes", "closes_invalid"),
    ({"closes": "2020-01-01 00:00"}, "closes", "closes_past"),
    ({"closes": "2199-01-01 00:00"}, "closes", "closes_far"),
    ({"window_hours": "0"}, "window_hours", "window_invalid"),
    ({"tick_size": "0.03"}, "tick_size", "tick_invalid"),
    ({"quote": "BTC"}, "quote", "settlement_unpriced"),
    ({"event_kind": "multiple", "outcomes": "Alone"}, "outcomes", "outcomes_invalid"),
    ({"event_kind": "multiple", "outcomes": "A team\nA-Team"}, "outcomes", "outcomes_alike"),
]


@pytest.mark.parametrize(("change", "field", "code"), WRONG_EVENTS)
def test_a_wrong_event_is_refused_at_its_field(change: dict[str, str], field: str, code: str) -> None:
    with pytest.raises(Refusals) as refused:
        event_spec({**EVENT, **change})
    assert {name: error.code for name, error in refused.value.errors.items()} == {field: code}


def test_a_launch_may_hold_all_kinds_and_symbols_are_taken_once() -> None:
    specs = market_specs([BTC_USD, PERPETUAL, EVENT])
    assert [type(spec).__name__ for spec in specs] == ["MarketSpec", "PerpetualSpec", "EventSpec"]
    assert isinstance(specs[1], PerpetualSpec) and isinstance(specs[2], EventSpec)
    with pytest.raises(Refusals) as refused:
        market_specs([PERPETUAL, PERPETUAL, EVENT, EVENT])
    assert set(refused.value.errors) == {"market-1-base", "market-3-series"}


def test_times_with_a_zone_are_kept_in_utc() -> None:
    spec = event_spec({**EVENT, "closes": f"{CLOSES:%Y-%m-%d}T21:00+02:00"})
    assert spec.closes == datetime(CLOSES.year, CLOSES.month, CLOSES.day, 19, tzinfo=UTC)


def test_a_scalar_may_say_what_its_ends_mean() -> None:
    scalar = {**EVENT, "event_kind": "scalar", "low": "0", "high": "8.50", "measure": "goals"}
    spec = event_spec(scalar)
    assert (spec.low, spec.high, spec.measure) == ("0", "8.5", "goals")
    assert event_spec({**EVENT, "event_kind": "scalar"}).high == ""
    assert event_spec({**EVENT, "low": "8", "high": "1"}).high == "", "a question has no range"
    for low, high in (("8", "1"), ("1", "1"), ("", "8"), ("0", "many"), ("0", "9" * 25)):
        with pytest.raises(Refusals) as refused:
            event_spec({**scalar, "low": low, "high": high})
        assert {name: item.code for name, item in refused.value.errors.items()} == {"high": "ends_invalid"}


def test_an_outcome_is_charged_by_its_doubt_and_the_example_says_so() -> None:
    even = trade_example("", "USD", 5_000, 0, outcome=True)
    sure = trade_example("", "USD", 5_000, 0)
    assert (even.taker_pays, even.venue_gets, even.outcome) == ("2.5", "2.25", True)
    assert (sure.taker_pays, sure.venue_gets, sure.outcome) == ("5", "4.5", False)
