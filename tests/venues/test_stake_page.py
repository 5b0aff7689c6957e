"""The stake page, the open interest that keeps stake from leaving, and the price that moves capacity."""

import time
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from django.utils import timezone

from exchange_os.engine.models import PriceCandle
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, StakeRelease
from exchange_os.ledger.selectors import stake_balance, wallet_balance
from exchange_os.ledger.services import lift_hold, place_hold, slash
from tests.ledger.books import picture
from tests.venues.test_contract_specs import EVENT, PERPETUAL
from tests.venues.test_events import funded, listed, trade  # noqa: F401
from venues.contract_specs import perpetual_spec
from venues.models import DeployerNotice, StakePrice
from venues.services import add_market, drive_launch, unbond_stake
from venues.services.capacity import capacity_of, tell_capacities
from venues.services.stake_prices import record_stake_price, watch_stake_prices
from venues.stakes import Price, stake_for, stake_price

OKB = 10**8
USD = 10**6
pytestmark = pytest.mark.django_db(transaction=True)


def test_stake_that_open_interest_needs_stays(funded, deployer, signed_in, settings):  # noqa: F811
    settings.STAKE_PRICES = {"USD": "0.0008"}  # 1,500 OKB carry 12 USD
    settings.MIN_STAKES = {"spot": "100", "swap": "100", "outcome": "100", "front": "100"}
    event = listed(deployer, funded, EVENT)
    trade(funded, event.markets.get(), 60, 10)
    before = picture()
    with pytest.raises(DomainError) as refused:
        unbond_stake(deployer, 251 * OKB)
    assert refused.value.code == "stake_in_use"
    assert refused.value.message == (
        "North Exchange carries 10 USD of open interest, which needs this stake. 250 OKB can be released now; more "
        "when positions close."
    )
    assert (picture(), StakeRelease.objects.count()) == (before, 0)
    page = signed_in(deployer).get("/deployer/stake/").content.decode()
    assert 'value="83" aria-label="Capacity used by North Exchange"' in page
    preview = signed_in(deployer).get("/deployer/stake/preview/?stake=500").content.decode()
    assert "12 → <strong>16</strong> USD" in preview
    assert unbond_stake(deployer, 250 * OKB).amount == 250 * OKB


def test_the_page_of_a_stake_with_everything(venue, deployer, trader, signed_in, settings):
    visitor = signed_in(deployer)
    settings.UNBONDING_DAYS = 0
    ready = unbond_stake(deployer, 100 * OKB)
    settings.UNBONDING_DAYS = 7
    unbond_stake(deployer, 50 * OKB)
    slash(
        deployer.pk,
        20 * OKB,
        offence_at=timezone.now(),
        offence_id="case 4",
        payments=[(trader.pk, 20 * OKB)],
    )
    place_hold(deployer.pk, "5", "Its result was disputed.")
    page = visitor.get("/deployer/stake/").content.decode()
    for said in (
        "<strong>Case 5 is open.</strong> Its result was disputed.",
        "When the case is closed",
        "Trades are paid in full",
        "Slashed",
        "case 4",
        "−50 ",
    ):
        assert said in page, said
    assert visitor.post(f"/deployer/stake/{ready.pk}/claim/").url == "/deployer/stake/"
    okb = Asset.objects.get(symbol="OKB")
    assert wallet_balance(deployer.pk, okb) == 500 * OKB
    held = visitor.post("/deployer/stake/", {"action": "release", "release": "1"})
    assert (held.status_code, "Case 5 is open against you" in held.content.decode()) == (422, True)
    lift_hold(deployer.pk, "5")
    visitor.post(f"/deployer/stake/{ready.pk}/claim/")
    assert wallet_balance(deployer.pk, okb) == 600 * OKB
    assert stake_balance(deployer.pk) == 1330 * OKB
    assert visitor.get("/deployer/stake/?before=1").status_code == 200
    assert signed_in(trader).get("/deployer/stake/").url == "/deployer/register/"


def test_a_fall_of_the_price_lowers_capacity_and_is_told_once(venue, deployer):
    add_market(deployer, venue, perpetual_spec(PERPETUAL))
    drive_launch(venue.pk)
    usd = Asset.objects.get(symbol="USD")
    assert not record_stake_price(usd, Price(Decimal("47.9"), "test"))  # less than a step
    assert capacity_of(venue, usd) == 720_000 * USD
    assert record_stake_price(usd, Price(Decimal("46"), "test"))
    assert (capacity_of(venue, usd), DeployerNotice.objects.count()) == (690_000 * USD, 0)
    with localcontext(rounding=ROUND_HALF_UP):  # a library set it so for its whole process (ccxt does)
        assert record_stake_price(usd, Price(Decimal("45"), "test"))  # 6.25% below what the settings said
    notice = DeployerNotice.objects.get()
    assert (notice.user_id, notice.warning) == (deployer.pk, True)
    assert notice.text.startswith("OKB fell by 6.2% to 45 USD.")
    assert not record_stake_price(usd, Price(Decimal("45"), "test"))
    assert record_stake_price(usd, Price(Decimal("44"), "test"))
    assert DeployerNotice.objects.count() == 1
    assert tell_capacities() == 1
    venue.refresh_from_db()
    assert venue.capacity_units == 660_000 * USD
    assert not record_stake_price(usd, Price(Decimal(0), "test"))


def test_the_price_is_the_fresh_index_of_the_named_market(venue, deployer, settings):
    add_market(deployer, venue, perpetual_spec(PERPETUAL))
    drive_launch(venue.pk)
    usd = Asset.objects.get(symbol="USD")
    settings.STAKE_PRICE_MARKETS = {"USD": "north/BTC-USD-SWAP"}
    assert watch_stake_prices() == 0
    minute = int(time.time() * 1000) // 60_000 * 60_000
    candle = {"group_id": venue.group_id, "market": 1, "open": 1, "high": 1, "low": 1, "close": 500}
    PriceCandle.objects.create(what=PriceCandle.What.MARK, minute_ms=minute, **candle)
    PriceCandle.objects.create(what=PriceCandle.What.INDEX, minute_ms=minute - 3_600_000, **candle)
    assert (watch_stake_prices(), StakePrice.objects.count()) == (0, 0)  # a mark and an old index say nothing
    PriceCandle.objects.create(what=PriceCandle.What.INDEX, minute_ms=minute, **candle)
    assert (watch_stake_prices(), watch_stake_prices()) == (1, 0)
    assert stake_price(usd) == Price(Decimal("50"), "index of BTC-USD-SWAP at North Exchange")


@pytest.mark.parametrize(
    ("capacity", "venues", "units"), [(0, 1, 0), (12_000_000, 1, 1500), (10_000_001, 2, 2501)]
)
def test_the_least_stake_for_a_capacity(capacity, venues, units):
    usd, okb = Asset.objects.get(symbol="USD"), Asset.objects.get(symbol="OKB")
    found = stake_for(capacity, venues, usd, Decimal("0.0008"), okb)
    assert -(-found // OKB) == units
