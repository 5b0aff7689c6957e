"""The first page of the console: figures of a venue, what changed in a day, what somebody should look at."""

from datetime import timedelta

import exchange_kernel as kernel
import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.engine.errors import Busy
from tests.venues.conftest import settle
from venues.models import VenueSample
from venues.services import asking, collect_fees, halt_market
from venues.services.pulse import pulse_of, sample_venues

pytestmark = pytest.mark.django_db(transaction=True)
FEES = 40_950_000
USD = 10**6


@pytest.fixture(autouse=True)
def no_cache():
    cache.clear()


def place(venue, account, side, ticks, lots):
    order = kernel.place(account, 0, side=side, price_ticks=ticks, size_lots=lots)
    assert client.submit(venue.group_id, order).code == 0


def test_figures_of_a_venue_that_trades(trade, venue, deployer):
    found = pulse_of(venue)
    assert (found.money, found.volume_units, found.trades, found.traders) == (trade, 65_000 * USD, 1, 2)
    assert (sum(found.hourly_volume), len(found.hourly_volume)) == (65_000 * USD, 24)
    assert (found.fees_units, found.fees_total_units, found.hourly_fees) == (FEES, FEES, [FEES])
    assert [alert.title for alert in found.alerts] == ["No quotes"]
    settle(collect_fees(deployer, venue))
    cache.clear()
    assert pulse_of(venue).fees_total_units == FEES, "what was collected still counts"


def test_spread_and_depth_within_one_per_cent(trade, venue):
    place(venue, 16, kernel.BUY, 6_490_000, 100)  # 64,900.00 for 0.01
    place(venue, 16, kernel.BUY, 6_400_000, 100)  # further than 1 % away
    place(venue, 17, kernel.SELL, 6_510_000, 200)
    row = pulse_of(venue).markets[0]
    assert row.spread_ppm == 20_000 * 1_000_000 // 6_500_000
    assert row.depth_units == (649 * USD, 1302 * USD)
    assert pulse_of(venue).alerts == []


def test_a_day_is_told_from_the_samples(trade, venue):
    assert sample_venues() == 1
    assert sample_venues() == 0, "once an hour"
    sample = VenueSample.objects.get()
    assert (sample.fees, sample.last_trade) == ({str(trade.pk): FEES}, 1)
    VenueSample.objects.update(hour=timezone.now() - timedelta(hours=25))
    cache.clear()
    place(venue, 17, kernel.SELL, 6_500_000, 100)
    place(venue, 16, kernel.BUY, 6_500_000, 100)
    found = pulse_of(venue)
    assert (found.fees_units, found.fees_total_units) == (FEES // 100, FEES + FEES // 100)
    assert found.traders == 2
    VenueSample.objects.update(last_trade=2)
    cache.clear()
    assert pulse_of(venue).traders == 0


def test_a_halted_market_is_an_alert_and_the_page_shows_it(trade, venue, deployer, signed_in):
    halt_market(deployer, venue, 0)
    page = signed_in(deployer).get(reverse("deployer:console", args=[venue.pk])).content.decode()
    assert "BTC-USD: orders can only be cancelled." in page and "65,000.00" in page
    assert reverse("deployer:markets", args=[venue.pk]) in page
    fragment = signed_in(deployer).get(reverse("deployer:pulse", args=[venue.pk])).content.decode()
    assert "<html" not in fragment and "BTC-USD: orders can only be cancelled." in fragment
    visitor, tab = signed_in(deployer), reverse("deployer:markets", args=[venue.pk])
    for asked, words in (
        ("", "Resume BTC-USD"), ("?state=halted&find=btc+usd&page=99", "Resume BTC-USD"),
        ("?state=over", "No market is in this state."), ("?find=doge", "No market here has “doge” in its name."),
    ):  # fmt: skip
        assert words in visitor.get(tab + asked).content.decode()


def test_a_venue_that_is_away_shows_what_the_database_knows(trade, venue, monkeypatch):
    def away(*_: object) -> None:
        raise Busy(100)

    monkeypatch.setattr(asking, "client", type("Client", (), {"query": away}))
    found = pulse_of(venue)
    assert (found.away, found.volume_units) == (True, 65_000 * USD)
    assert [alert.title for alert in found.alerts] == ["No answer"]
