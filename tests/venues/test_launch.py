"""A launch is all or nothing, and goes on where it was cut off."""

from itertools import pairwise

import exchange_kernel as kernel
import pytest

from exchange_os.engine import client
from exchange_os.engine.errors import Busy, OutcomeUnknown
from exchange_os.engine.models import RiskGroup
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.services import add_stake, create_asset
from tests.ledger.books import picture
from tests.venues.conftest import BTC_USD, ETH_USD, VENUE, draft_of, give
from venues.errors import Refusals
from venues.models import Market, Phase, Venue, VenueState
from venues.selectors import (
    drafts_of,
    instrument,
    instruments_of,
    live_venues,
    market_by_number,
    market_by_symbol,
    open_markets,
    stake_standing,
    venue_by_group,
    venue_by_slug,
)
from venues.services import add_market, asking, drive_launch, launch_venue, opening
from venues.services.asking import ask
from venues.services.launch import unfinished_launches
from venues.services.opening import phase_path
from venues.specs import market_spec

pytestmark = pytest.mark.django_db(transaction=True)
OKB = 10**8


def rows():
    return Venue.objects.count(), Market.objects.count(), RiskGroup.objects.count()


def test_a_launched_venue_trades(venue, deployer):
    assert venue.state == VenueState.OPEN
    assert (venue.opened is None, venue.protocol_share_ppm, venue.taker_fee_ppm) == (False, 100_000, 500)
    assert venue_by_slug("north") == venue == venue_by_group(venue.group_id)
    market = ask(venue.group_id, {"q": "market", "market": 0})["market"]
    assert (market["phase"], market["symbol"], market["lot_size"], market["tick_quote"]) == (
        2,
        "BTC-USD",
        10_000,
        1,
    )
    assert (market["maker_ppm"], market["taker_ppm"], market["protocol_share_ppm"]) == (200, 500, 100_000)
    assert (market["band_ppm"], market["reference_ticks"]) == (50_000, 6_500_000)
    order = kernel.place(16, 0, side=kernel.BUY, price_ticks=6_500_000, size_lots=1)
    client.submit(venue.group_id, kernel.open_account(16, owner=1))
    assert kernel.REJECTS[client.submit(venue.group_id, order).code][0].startswith("RISK_")


def test_its_selectors(venue):
    assert [item.slug for item in live_venues()] == ["north"]
    assert live_venues()[0].market_count == 1
    market = market_by_symbol(venue, "btc-usd")
    assert market_by_number(venue, 0) == market == open_markets()[0]
    found = instrument(market)
    assert instruments_of(venue) == [found]
    assert (found.group_id, found.phase, found.to_ticks("65000.01")) == (
        venue.group_id,
        Phase.OPEN,
        6_500_001,
    )
    for missing in (
        lambda: venue_by_slug("nowhere"),
        lambda: market_by_symbol(venue, "X-Y"),
        lambda: market_by_number(venue, 9),
    ):
        with pytest.raises(DomainError):
            missing()


def test_several_markets_share_the_group_and_its_assets(clean_redis, local_worker, deployer):
    gold = create_asset(deployer, symbol="GOLD", name="Gold", scale=2, supply="1000")
    gold_usd = {**BTC_USD, "base": "GOLD", "lot_size": "0.01", "tick_size": "0.01", "reference_price": "100"}
    made = launch_venue(deployer, draft_of(deployer, VENUE, BTC_USD, ETH_USD, gold_usd))
    assert drive_launch(made.pk) == VenueState.OPEN
    assets = {item["symbol"]: item["scale"] for item in ask(made.group_id, {"q": "assets"})["assets"]}
    assert assets == {"BTC": 8, "ETH": 8, "USD": 6, "GOLD": 2}
    markets = ask(made.group_id, {"q": "markets"})["markets"]
    assert [(m["market"], m["symbol"], m["phase"]) for m in markets] == [
        (0, "BTC-USD", 2), (1, "ETH-USD", 2), (2, "GOLD-USD", 2),
    ]  # fmt: skip
    assert markets[2]["base"] == gold.pk


def test_nobody_sees_a_venue_before_it_trades(clean_redis, deployer):
    made = launch_venue(deployer, draft_of(deployer))
    assert made.state == VenueState.LAUNCHING
    assert list(live_venues()) == [] == list(open_markets())
    with pytest.raises(DomainError):
        venue_by_slug("north")
    assert unfinished_launches() == [made.pk]


def test_its_stake_backs_it_from_the_first_moment(clean_redis, deployer):
    launch_venue(deployer, draft_of(deployer))
    standing = stake_standing(deployer.pk)
    assert (standing.held, standing.backing, standing.free, standing.short_for_next) == (
        1500 * OKB, 1000 * OKB, 500 * OKB, 500 * OKB,
    )  # fmt: skip


def test_too_little_stake_is_refused_and_nothing_is_launched(clean_redis, deployer):
    launch_venue(deployer, draft_of(deployer))
    before, books = rows(), picture()
    second = draft_of(deployer, {**VENUE, "slug": "south"})
    with pytest.raises(DomainError) as refused:
        launch_venue(deployer, second)
    assert (refused.value.code, refused.value.field) == ("stake_too_small", "stake")
    assert refused.value.message == "Every venue needs 1,000 OKB of stake. Stake 500 OKB more to launch."
    assert (rows(), picture()) == (before, books)
    add_stake(deployer, 500 * OKB)
    assert launch_venue(deployer, second).slug == "south"


def test_a_user_who_is_no_deployer_is_refused(clean_redis, newcomer):
    before = rows()
    with pytest.raises(DomainError) as refused:
        launch_venue(newcomer, draft_of(newcomer))
    assert refused.value.message == "Register as a deployer first."
    assert rows() == before


@pytest.mark.parametrize(
    ("venue_data", "markets", "field"),
    [
        ({**VENUE, "slug": "admin"}, [BTC_USD], "slug"),
        (VENUE, [{**BTC_USD, "tick_size": "0.001"}], "market-0-tick_size"),
    ],
)
def test_a_wrong_draft_launches_nothing(clean_redis, deployer, venue_data, markets, field):
    draft = draft_of(deployer, venue_data, *markets)
    before, books = rows(), picture()
    with pytest.raises(Refusals) as refused:
        launch_venue(deployer, draft)
    assert list(refused.value.errors) == [field]
    assert (rows(), picture()) == (before, books)


def test_a_draft_leads_to_one_venue(clean_redis, deployer):
    draft = draft_of(deployer)
    assert launch_venue(deployer, draft) == launch_venue(deployer, draft)
    assert rows() == (1, 1, 1)


def test_a_launch_goes_on_where_it_was_cut_off(clean_redis, local_worker, deployer, monkeypatch):
    made = launch_venue(deployer, draft_of(deployer, VENUE, BTC_USD, ETH_USD))

    def cut_off(group, commands, count, timeout):
        first = b"".join(kernel.split_commands(commands)[:3])
        client.submit_packed(group, first, 3, timeout)
        raise OutcomeUnknown

    with monkeypatch.context() as broken:
        broken.setattr(
            opening, "client", type("Client", (), {"query": client.query, "submit_packed": cut_off})
        )
        with pytest.raises(OutcomeUnknown):
            drive_launch(made.pk)
    assert Venue.objects.get(pk=made.pk).state == VenueState.LAUNCHING
    assert drive_launch(made.pk) == VenueState.OPEN
    assert drive_launch(made.pk) == VenueState.OPEN
    markets = ask(made.group_id, {"q": "markets"})["markets"]
    assert [(market["symbol"], market["phase"]) for market in markets] == [("BTC-USD", 2), ("ETH-USD", 2)]
    assert unfinished_launches() == []
    assert Venue.objects.get(pk=made.pk).launch_attempts == 2


def test_an_engine_that_is_away_leaves_the_launch_to_the_sweeper(clean_redis, deployer, monkeypatch):
    made = launch_venue(deployer, draft_of(deployer))

    def away(*_: object) -> None:
        raise Busy(100)

    monkeypatch.setattr(asking, "client", type("Client", (), {"query": away}))
    with pytest.raises(Busy):
        drive_launch(made.pk)
    assert Venue.objects.get(pk=made.pk).state == VenueState.LAUNCHING
    assert unfinished_launches() == [made.pk]


def test_a_refusal_by_the_kernel_frees_address_and_stake(clean_redis, local_worker, deployer):
    draft = draft_of(deployer)
    made = launch_venue(deployer, draft)
    Market.objects.filter(venue=made).update(maker_fee_ppm=900_000, taker_fee_ppm=900_000)
    assert drive_launch(made.pk) == VenueState.FAILED
    made.refresh_from_db()
    assert made.launch_error.startswith("The exchange refused it: ")
    assert stake_standing(deployer.pk).free == 1500 * OKB
    assert list(drafts_of(deployer.pk)) == [draft]
    again = launch_venue(deployer, draft)
    assert (again.slug, again.pk == made.pk) == ("north", False)
    assert drive_launch(again.pk) == VenueState.OPEN


def test_a_market_is_added_while_the_venue_trades(venue, deployer):
    add_market(deployer, venue, market_spec(ETH_USD))
    assert [item.symbol for item in open_markets()] == ["BTC-USD"]
    drive_launch(venue.pk)
    assert [item.symbol for item in open_markets()] == ["BTC-USD", "ETH-USD"]
    assert ask(venue.group_id, {"q": "market", "market": 1})["market"]["phase"] == Phase.OPEN


def test_a_market_that_the_kernel_refuses_is_dropped(venue, deployer):
    add_market(deployer, venue, market_spec(ETH_USD))
    Market.objects.filter(venue=venue, number=1).update(maker_fee_ppm=900_000, taker_fee_ppm=900_000)
    assert drive_launch(venue.pk) == VenueState.OPEN
    venue.refresh_from_db()
    assert venue.launch_error.startswith("The exchange refused it: ")
    assert list(venue.markets.values_list("symbol", "phase")) == [("BTC-USD", Phase.OPEN)]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (BTC_USD, "North Exchange already has a market BTC-USD."),
        (ETH_USD, "Another market is being added; try again in a moment."),
    ],
)
def test_a_market_that_cannot_be_added(venue, deployer, data, sentence):
    if data is ETH_USD:
        add_market(deployer, venue, market_spec({**ETH_USD, "quote": "OKB"}))
    before = rows()
    with pytest.raises(DomainError) as refused:
        add_market(deployer, venue, market_spec(data))
    assert refused.value.message == sentence
    assert rows() == before


def test_phase_paths_follow_the_kernels_moves():
    assert phase_path(Phase.OPEN, Phase.OPEN) == ()
    path = phase_path(Phase.PENDING, Phase.OPEN)
    assert path[-1] == Phase.OPEN
    steps = [int(Phase.PENDING), *path]
    assert all(after in kernel.PHASE_MOVES[before] for before, after in pairwise(steps))
    with pytest.raises(DomainError):
        phase_path(Phase.SETTLED, Phase.OPEN)
    assert {phase.value for phase in Phase} == set(kernel.PHASES)


def test_the_stake_asset_of_the_platform_cannot_be_issued_by_a_deployer(deployer):
    give(deployer, "1", "OKB")
    with pytest.raises(DomainError):
        create_asset(
            deployer, symbol=Asset.objects.get(symbol="OKB").symbol, name="Fake", scale=8, supply="1"
        )
