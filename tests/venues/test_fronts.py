"""Fronts: one venue shows another's books. Orders meet, the fee goes its way, an end leaves accounts whole."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import to_units, wallet_balance
from exchange_os.ledger.services import check_ledger
from tests.engine.conftest import wait_until
from tests.ledger.books import picture
from tests.venues.conftest import BTC_USD, give
from tests.venues.test_fee_schedule import FORM
from trading.models import TradingAccount
from trading.okx.errors import DialectError
from trading.okx.orders import refuse_in_bulk
from trading.selectors.accounts import account_of, balances
from trading.selectors.catalogue import read_catalogue
from trading.services.accounts import ensure_account
from trading.services.fronts import follow_fronts
from trading.services.orders import OrderDraft, OrderRefused, place_order
from venues.fees import schedule_from
from venues.models import DeployerNotice, Fronting, Market, Venue, VenueAct, VenueState
from venues.revenue import front_revenue_by_market, today
from venues.selectors import (
    instruments_of,
    market_by_symbol,
    stake_standing,
    venue_by_group,
    venue_by_slug,
)
from venues.services import add_market, register_deployer, stake, start_deposit, start_withdrawal
from venues.services.capacity import backed_count
from venues.services.fee_changes import announce_fees
from venues.services.fronts import answer_front, ask_to_front, end_front, withdraw_front
from venues.services.operate import (
    collect_fees,
    fees_collected,
    fees_held,
    halt_market,
    halt_venue,
    resume_market,
    resume_venue,
)
from venues.services.pulse import pulse_of
from venues.services.rollups import add_up_revenue
from venues.services.totals import kernel_totals
from venues.specs import market_spec, venue_spec

pytestmark = pytest.mark.django_db(transaction=True)
OKB = 10**8
BRAND = {"name": "South Window", "slug": "south", "accent": "#c2410c", "description": "The same books."}


@pytest.fixture
def host(db):
    """A deployer with stake for one front and no venue."""
    user = get_user_model().objects.create_user("host", "host@example.com")
    register_deployer(user, "South Labs")
    give(user, "300", "OKB")
    stake(user, 300 * OKB)
    return user


@pytest.fixture
def front(venue, deployer, host):
    """South shows the books of North for 0.1% of every trade."""
    asked = ask_to_front(host, venue, venue_spec(BRAND), 1_000, "I bring traders of the south.")
    assert asked.front.state == VenueState.LAUNCHING
    answer_front(deployer, asked, consent=True)
    assert follow_fronts() == 1
    return venue_by_slug("south")


def funded(user, venue, amount, symbol):
    """The user's account at a venue with money in it."""
    asset = Asset.objects.get(symbol=symbol)
    account = ensure_account(user, venue)
    give(user, amount, symbol)
    sent = start_deposit(user, venue, account.number, asset, to_units(amount, asset))
    wait_until(lambda: Transfer.objects.get(pk=sent.pk).state == TransferState.SETTLED)
    return account


def order(side, **changes):
    asked = {"side": side, "size": Decimal("0.01"), "price": Decimal(65_000)} | changes
    return OrderDraft(**asked)


def held(account, symbol):
    return next((row.total for row in balances(account) if row.asset.symbol == symbol), 0)


def test_an_order_through_the_front_meets_the_owners_book(venue, front, deployer, host, trader, signed_in):
    maker = funded(deployer, venue, "1", "BTC")
    taker = funded(trader, front, "1000", "USD")
    assert (front.group_id, taker.venue_id, account_of(trader.pk, venue)) == (venue.group_id, front.pk, None)
    place_order(maker, market_by_symbol(venue, "BTC-USD"), order("sell"))
    ack = place_order(taker, market_by_symbol(front, "btc-usd"), order("buy"))
    assert ack.filled_lots == 100
    # 650 USD: taker 0.05% to the venue and the protocol, 0.1% to the front's deployer, from the taker alone.
    assert held(taker, "USD") == 1_000_000_000 - 650_000_000 - 325_000 - 650_000
    builder = account_of(host.pk, venue)
    assert (builder.number, held(builder, "USD")) == (front.builder_account, 650_000)
    add_up_revenue()
    usd = Asset.objects.get(symbol="USD")
    (row,) = front_revenue_by_market(front, usd, today(), today())
    assert (row[0].symbol, row[1]) == ("BTC-USD", 650_000)
    visitor, month = signed_in(host), f"{today():%Y-%m}"
    revenue = f"/deployer/venues/{front.pk}/revenue/"
    assert f"{revenue}{month}/" in visitor.get(revenue).content.decode()
    sheet = visitor.get(f"{revenue}{month}/").content.decode()
    assert "BTC-USD" in sheet and "0.65" in sheet and "at North Exchange" in sheet
    lines = b"".join(visitor.get(f"{revenue}{month}/csv/")).decode().splitlines()
    assert lines == ["day,market,asset,builder_fee", f"{today()},BTC-USD,USD,0.65"]
    assert check_ledger(kernel_totals).sound


def test_a_front_is_told_what_becomes_of_the_books_it_shows(venue, front, deployer, host, client):
    halt_market(deployer, venue, 0, "The feed is late.")
    resume_market(deployer, venue, 0)
    halt_venue(deployer, venue, "Maintenance.")
    told = list(DeployerNotice.objects.filter(user_id=host.pk, warning=True).order_by("pk"))
    assert [row.text for row in told] == [
        "South Window shows North Exchange, where BTC-USD is halted. “The feed is late.”",
        "South Window shows North Exchange, where North Exchange is halted. “Maintenance.”",
    ]
    assert {row.link for row in told} == {f"/deployer/venues/{front.pk}/"}
    heard = VenueAct.objects.filter(venue=front, verb="heard of the owner:").order_by("pk")
    assert [act.about for act in heard] == [
        "BTC-USD is halted", "BTC-USD trades again", "North Exchange is halted",
    ]  # fmt: skip
    front.refresh_from_db()
    front = Venue.objects.select_related("fronts").get(pk=front.pk)
    alert = next(
        alert for alert in pulse_of(front).alerts if alert.title.startswith("North Exchange: Halted since")
    )
    assert (alert.level, "Maintenance. Orders can be cancelled" in alert.text) == ("error", True)
    public = client.get("/v/south/").content.decode()
    assert "Maintenance." in public and ">Halted</span>" in public and "</i>Trading</span>" not in public
    resume_venue(deployer, Venue.objects.get(pk=venue.pk))
    assert "</i>Trading</span>" in client.get("/v/south/").content.decode()
    assert not DeployerNotice.objects.filter(user_id=deployer.pk, source__contains="act").exists()


def test_a_front_is_the_owners_books_under_another_name(venue, front, deployer, host, signed_in, client):
    assert venue_by_group(venue.group_id) == venue
    (own,), (shown,) = instruments_of(venue), instruments_of(front)
    assert (own.venue_slug, own.taker_fee_ppm, own.builder) == ("north", 500, 0)
    assert (shown.venue_slug, shown.taker_fee_ppm, shown.number) == ("south", 1_500, own.number)
    assert shown.builder
    catalogue = read_catalogue("south")
    assert [market.symbol for market in catalogue.markets] == ["BTC-USD"]
    with pytest.raises(DialectError, match="takes no bulk bodies"):
        refuse_in_bulk(catalogue)  # in bulk bodies orders name no builder, alone or jointly
    assert Market.objects.get().venue_id == venue.pk
    public = client.get("/v/south/").content.decode()
    assert "/v/south/trade/BTC-USD/" in public and "/v/north/trade/" not in public
    assert "0.15%" in public
    assert client.get("/v/south/trade/BTC-USD/").status_code == 200
    assert (
        client.get("/v/south/api/v5/public/instruments?instType=SPOT").json()["data"][0]["instId"]
        == "BTC-USD"
    )
    visitor = signed_in(host)
    console = visitor.get(f"/deployer/venues/{front.pk}/fronts/").content.decode()
    assert "North Exchange" in console and "0.1%" in console
    assert visitor.get(f"/deployer/venues/{front.pk}/markets/").status_code == 404
    assert visitor.get(f"/deployer/venues/{front.pk}/schedule/").status_code == 404
    assert visitor.get(f"/deployer/venues/{front.pk}/revenue/").status_code == 200
    assert visitor.get(f"/deployer/venues/{front.pk}/").status_code == 200
    assert "South Window" in signed_in(deployer).get(f"/deployer/venues/{venue.pk}/fronts/").content.decode()
    standing = stake_standing(host.pk)
    assert (standing.backing, standing.free, standing.shared_by) == (250 * OKB, 50 * OKB, 0)
    assert backed_count(venue.deployer_id) == 1


def test_a_front_has_no_hand_on_the_owners_books(venue, front, host):
    spec = market_spec({**BTC_USD, "base": "ETH"}, taken=set())
    before = picture(), list(Market.objects.values_list("pk", "phase"))
    for act in (
        lambda: add_market(host, front, spec),
        lambda: halt_venue(host, front),
        lambda: collect_fees(host, front),
        lambda: announce_fees(host, front, schedule_from(FORM, ["spot"])),
    ):
        with pytest.raises(DomainError) as refused:
            act()
        assert refused.value.code == "front_has_no_books"
    with pytest.raises(DomainError) as stranger:
        halt_venue(host, venue)
    assert stranger.value.code == "venue_unknown"
    with pytest.raises(DomainError) as chain:
        ask_to_front(host, front, venue_spec({**BRAND, "slug": "third", "name": "Third"}), 0)
    assert chain.value.code == "front_of_front"
    assert (picture(), list(Market.objects.values_list("pk", "phase"))) == before


def test_an_end_leaves_accounts_whole(venue, front, deployer, host, trader):
    maker = funded(deployer, venue, "1", "BTC")
    taker = funded(trader, front, "1000", "USD")
    place_order(maker, market_by_symbol(venue, "BTC-USD"), order("sell"))
    place_order(taker, market_by_symbol(front, "BTC-USD"), order("buy"))
    made = end_front(deployer, Fronting.objects.get(), "We part.")
    assert made.ends - timezone.now() > timedelta(days=6, hours=23)
    assert follow_fronts() == 0
    assert venue_by_slug("south").state == VenueState.OPEN
    Fronting.objects.update(ends=timezone.now())
    before = held(taker, "USD"), held(taker, "BTC")
    assert (follow_fronts(), follow_fronts()) == (1, 0)
    over = venue_by_slug("south")
    assert (over.state, Fronting.objects.get().state) == (VenueState.HALTED, "ended")
    assert (held(taker, "USD"), held(taker, "BTC")) == before
    market = market_by_symbol(over, "BTC-USD")
    with pytest.raises(OrderRefused) as more:
        place_order(taker, market, order("buy", price=Decimal(64_000)))
    assert more.value.code.startswith("access")
    place_order(
        maker, market_by_symbol(venue, "BTC-USD"), order("buy", price=Decimal(64_000), size=Decimal("0.001"))
    )
    place_order(taker, market, order("sell", price=Decimal(64_000), size=Decimal("0.001"), reduce_only=False))
    usd = Asset.objects.get(symbol="USD")
    sent = start_withdrawal(trader, over, taker.number, usd, 100_000_000)
    wait_until(lambda: Transfer.objects.get(pk=sent.pk).state == TransferState.SETTLED)
    assert wallet_balance(trader.pk, usd) == 100_000_000
    late = get_user_model().objects.create_user("late", "late@example.com")
    with pytest.raises(DomainError) as closed:
        ensure_account(late, over)
    assert closed.value.code == "front_over"
    assert not TradingAccount.objects.filter(user=late).exists()
    assert check_ledger(kernel_totals).sound


def test_what_may_not_be_asked(venue, deployer, host, trader):
    spec = venue_spec(BRAND)
    for user, ppm, code in (
        (trader, 0, "not_a_deployer"),
        (host, 2_560, "builder_fee_invalid"),
        (host, 15, "builder_fee_invalid"),
    ):
        with pytest.raises(DomainError) as refused:
            ask_to_front(user, venue, spec, ppm)
        assert refused.value.code == code
    register_deployer(trader, "No Stake")
    with pytest.raises(DomainError) as poor:
        ask_to_front(trader, venue, spec, 0)
    assert poor.value.code == "stake_too_small"
    assert Venue.objects.count() == 1
    asked = ask_to_front(host, venue, spec, 0)
    with pytest.raises(DomainError) as stranger:
        answer_front(host, asked, consent=True)
    assert stranger.value.code == "venue_unknown"
    with pytest.raises(DomainError) as early:
        end_front(deployer, asked)
    assert early.value.code == "front_move_refused"
    answer_front(deployer, asked, consent=False)
    assert Venue.objects.get(slug="south").state == VenueState.FAILED
    with pytest.raises(DomainError):
        withdraw_front(host, asked)
    assert follow_fronts() == 0
    again = ask_to_front(host, venue, venue_spec(BRAND), 0)
    assert withdraw_front(host, again).state == "withdrawn"


def test_the_form_asks_and_the_owners_page_answers(venue, deployer, host, signed_in):
    visitor = signed_in(host)
    form = {**BRAND, "owner": "north", "builder_fee": "0.3", "words": "Hello."}
    wrong = visitor.post("/deployer/fronts/new/", form)
    assert (wrong.status_code, "allows up to 0.255%" in wrong.content.decode()) == (422, True)
    nobody = visitor.post("/deployer/fronts/new/", {**form, "owner": "nowhere", "builder_fee": "0"})
    assert (nobody.status_code, "There is no venue at the address nowhere" in nobody.content.decode()) == (
        422,
        True,
    )
    assert visitor.post("/deployer/fronts/new/", {**form, "builder_fee": "0.1"}).url == "/deployer/"
    made = Fronting.objects.get()
    assert visitor.get("/deployer/").status_code == 200
    address = f"/deployer/venues/{venue.pk}/fronts/"
    owner = signed_in(deployer)
    assert "“Hello.”" in owner.get(address).content.decode()
    owner.post(f"{address}{made.pk}/consent/")
    assert follow_fronts() == 1
    owner.post(f"{address}{made.pk}/end/", {"reason": "Enough."})
    made.refresh_from_db()
    assert (made.state, made.reason) == ("ending", "Enough.")
    assert visitor.post(f"/deployer/venues/{venue.pk}/fronts/{made.pk}/end/").status_code == 404


def test_the_owners_fee_account_is_not_the_fronts(venue, front, deployer, trader):
    maker = funded(deployer, venue, "1", "BTC")
    taker = funded(trader, front, "1000", "USD")
    place_order(maker, market_by_symbol(venue, "BTC-USD"), order("sell"))
    place_order(taker, market_by_symbol(front, "BTC-USD"), order("buy"))
    assert (len(fees_held(venue)), fees_held(front), fees_collected(front)) == (1, {}, {})
    assert (pulse_of(venue).fees_total_units > 0, pulse_of(front).fees_total_units) == (True, 0)
