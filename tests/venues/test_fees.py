"""Fees: a schedule within bounds, a rise that waits, tiers by volume, and the sums of what was earned."""

from datetime import timedelta

import exchange_kernel as kernel
import pytest
from django.urls import reverse
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import to_units, wallet_balance
from tests.engine.conftest import wait_until
from tests.venues.conftest import ETH_USD, give
from tests.venues.test_fee_schedule import FORM, TIERS
from venues.fees import schedule_from
from venues.models import AccountTier, FeeChange, Market, RevenueDay, VenueMember, VolumeDay
from venues.revenue import revenue_by_day, revenue_by_market, today, total
from venues.services import add_market, drive_launch, start_deposit
from venues.services.account_settings import tell_account
from venues.services.fee_changes import announce_fees, apply_due_fees, schedule_of, withdraw_fees
from venues.services.fee_tiers import assign_all_tiers, assign_tiers, volumes_of
from venues.services.fee_trials import fee_trial, try_fees
from venues.services.operate import fees_held
from venues.services.rollups import add_up_revenue, forget_old_volumes
from venues.specs import market_spec
from venues.tasks import try_one_schedule

pytestmark = pytest.mark.django_db(transaction=True)
MAKER, TAKER = 16, 17
DEARER = {**FORM, "spot-0-maker": "-0.01", "spot-0-taker": "0.1"}


@pytest.fixture
def traders(venue, deployer, trader):
    """A maker with BTC and a taker with USD on a venue that trades BTC-USD."""
    for number, user, amount, symbol in ((MAKER, deployer, "1", "BTC"), (TAKER, trader, "10000", "USD")):
        client.submit(venue.group_id, kernel.open_account(number, owner=number))
        asset = Asset.objects.get(symbol=symbol)
        give(user, amount, symbol)
        sent = start_deposit(user, venue, number, asset, to_units(amount, asset))
        wait_until(lambda pk=sent.pk: Transfer.objects.get(pk=pk).state == TransferState.SETTLED)
    return venue


def trade(venue, lots=100):
    """The taker buys 0.01 BTC for 650 USD (or more of it)."""
    for account, side in ((MAKER, kernel.SELL), (TAKER, kernel.BUY)):
        frame = kernel.place(account, 0, side=side, price_ticks=6_500_000, size_lots=lots)
        assert client.submit(venue.group_id, frame).code == 0


def market_fees(venue, number=0):
    """Base pair and tiers as the kernel has them."""
    row = client.query(venue.group_id, {"q": "market", "market": number})["market"]
    return (row["maker_ppm"], row["taker_ppm"]), {tier: (m, t) for tier, m, t in row["fee_tiers"]}


def test_a_cut_is_in_force_at_once_and_a_rise_waits(venue, deployer, settings):
    change = announce_fees(deployer, venue, schedule_from(TIERS, ["spot"]))
    assert (change.is_rise, apply_due_fees()) == (False, 1)
    assert market_fees(venue) == ((200, 500), {1: (100, 400), 2: (-50, 300), 3: (-50, 300)})
    rise = announce_fees(deployer, venue, schedule_from({**FORM, "spot-0-taker": "0.06"}, ["spot"]))
    assert rise.is_rise
    assert rise.effective - rise.announced > timedelta(hours=71)
    assert apply_due_fees() == 0
    assert market_fees(venue)[0] == (200, 500)
    FeeChange.objects.filter(pk=rise.pk).update(effective=timezone.now())
    assert (apply_due_fees(), apply_due_fees()) == (1, 0)
    assert market_fees(venue) == ((200, 600), {1: (200, 600), 2: (200, 600), 3: (200, 600)})
    market = Market.objects.get(venue=venue)
    assert (market.maker_fee_ppm, market.taker_fee_ppm) == (200, 600)
    assert schedule_of(venue).rates == {"spot": ((200, 600),)}
    assert list(FeeChange.objects.order_by("pk").values_list("state", flat=True)) == ["replaced", "live"]


def test_what_nobody_may_do_with_fees(venue, deployer, trader):
    same = schedule_from(FORM, ["spot"])
    with pytest.raises(DomainError) as refused:
        announce_fees(deployer, venue, same)
    assert refused.value.code == "fees_unchanged"
    cheaper = schedule_from({**FORM, "spot-0-taker": "0.04"}, ["spot"])
    with pytest.raises(DomainError) as stranger:
        announce_fees(trader, venue, cheaper)
    assert stranger.value.code == "venue_unknown"
    VenueMember.objects.create(venue=venue, user=trader, role="treasurer")
    with pytest.raises(DomainError) as member:
        announce_fees(trader, venue, cheaper)
    assert member.value.code == "role_missing"
    assert not FeeChange.objects.exists()
    dearer = schedule_from({**FORM, "spot-0-taker": "0.06"}, ["spot"])
    announce_fees(deployer, venue, dearer)
    assert withdraw_fees(deployer, venue).state == "withdrawn"
    with pytest.raises(DomainError) as nothing:
        withdraw_fees(deployer, venue)
    assert nothing.value.code == "no_change_waits"


def test_a_market_that_comes_later_gets_the_tiers_and_keeps_its_own_pair(venue, deployer):
    announce_fees(deployer, venue, schedule_from(TIERS, ["spot"]))
    apply_due_fees()
    cheap = {**ETH_USD, "maker_fee_percent": "0", "taker_fee_percent": "0.035"}
    add_market(deployer, venue, market_spec(cheap, taken=set()))
    drive_launch(venue.pk)
    assert (apply_due_fees(), apply_due_fees()) == (1, 0)
    assert market_fees(venue, 1) == ((0, 350), {2: (-50, 300), 3: (-50, 300)})


def test_revenue_is_added_up_once_by_day_and_market(traders, deployer, trader, signed_in):
    venue, usd = traders, Asset.objects.get(symbol="USD")
    trade(venue)
    assert add_up_revenue() >= 1
    trade(venue, 10)
    add_up_revenue()
    assert add_up_revenue() == 0
    (row,) = revenue_by_market(venue, usd, today(), today())
    earned = row.earned
    assert (row.market.symbol, earned.trades, earned.volume) == ("BTC-USD", 2, 715_000_000)
    assert (earned.taker_fees, earned.maker_fees, earned.protocol) == (357_500, 143_000, 50_050)
    assert {usd.pk: earned.venue} == fees_held(venue) == {usd.pk: 450_450}
    days = revenue_by_day(venue, usd, today() - timedelta(days=2), today())
    assert [day.venue for _, day in days] == [0, 0, 450_450]
    assert total(day for _, day in days) == earned
    visitor = signed_in(deployer)
    page = visitor.get(f"/deployer/venues/{venue.pk}/revenue/").content.decode()
    assert ">0.45<" in page and ">715.00<" in page and "0.45045" not in page
    assert "Pay out now" in page
    before = wallet_balance(deployer.pk, usd)
    visitor.post(f"/deployer/venues/{venue.pk}/collect/")
    wait_until(lambda: Transfer.objects.latest("pk").state == TransferState.SETTLED)
    assert wallet_balance(deployer.pk, usd) - before == 450_450
    month = f"{today():%Y-%m}"
    sheet = visitor.get(f"/deployer/venues/{venue.pk}/revenue/{month}/").content.decode()
    assert "715" in sheet and "0.45045" in sheet
    lines = b"".join(visitor.get(f"/deployer/venues/{venue.pk}/revenue/{month}/csv/")).decode().splitlines()
    assert lines[1:] == [
        f"{today()},BTC-USD,USD,2,715,0.3575,0.143,0,0,0.05005,0.45045",
        f"{today()},payout,USD,,,,,,,,-0.45045",
    ]
    assert visitor.get(f"/deployer/venues/{venue.pk}/revenue/2026-13/").status_code == 404
    assert signed_in(trader).get(f"/deployer/venues/{venue.pk}/revenue/").status_code == 404


def test_who_trades_enough_gets_a_tier_and_keeps_permissions(traders, deployer):
    venue = traders
    trade(venue)
    add_up_revenue()
    assert volumes_of(venue) == {MAKER: 650, TAKER: 650}
    tell_account(venue.group_id, TAKER, flags=2)
    announce_fees(deployer, venue, schedule_from(TIERS, ["spot"]))
    apply_due_fees()
    shown = client.query(venue.group_id, {"q": "account", "account": TAKER})
    assert (shown["tier"], shown["flags"]) == (1, 2)
    assert list(AccountTier.objects.order_by("account").values_list("account", "tier", "volume")) == [
        (MAKER, 1, 650), (TAKER, 1, 650),
    ]  # fmt: skip
    assert not tell_account(venue.group_id, TAKER, tier=1)
    tell_account(venue.group_id, TAKER, flags=0)
    assert client.query(venue.group_id, {"q": "account", "account": TAKER})["tier"] == 1
    trade(venue)
    add_up_revenue()
    assert RevenueDay.objects.get().taker_fees == 325_000 + 260_000
    VolumeDay.objects.update(day=today() - timedelta(days=31))
    assert assign_all_tiers() == 2
    assert client.query(venue.group_id, {"q": "account", "account": TAKER})["tier"] == 0
    VolumeDay.objects.update(day=today() - timedelta(days=32))
    assert forget_old_volumes() == 2
    assert assign_tiers(venue, schedule_of(venue)) == 0


def test_the_page_shows_a_change_before_it_is_announced(venue, deployer, signed_in):
    visitor, address = signed_in(deployer), f"/deployer/venues/{venue.pk}/schedule/"
    shown = visitor.get(address).content.decode()
    assert 'name="spot-0-taker" value="0.05"' in shown
    wrong = visitor.post(address, {**FORM, "spot-0-taker": "2"})
    assert (wrong.status_code, "At most 1%." in wrong.content.decode()) == (422, True)
    dearer = {**FORM, "spot-0-taker": "0.06"}
    asked = visitor.post(address, dearer).content.decode()
    assert "Announce this change?" in asked and '0.05% → <strong class="warn">0.06%</strong>' in asked
    assert not FeeChange.objects.exists()
    assert visitor.post(address, {**dearer, "confirmed": "1"}).status_code == 302
    assert "New fees from" in visitor.get(address).content.decode()
    public = visitor.get(f"/v/{venue.slug}/").content.decode()
    assert "New fees from" in public and "Spot 0.02% / 0.06%" in public
    assert visitor.post(f"{address}withdraw/").status_code == 302
    assert "New fees from" not in visitor.get(f"/v/{venue.slug}/").content.decode()
    visitor.post(address, {**TIERS, "confirmed": "1"})
    assert market_fees(venue)[1][2] == (-50, 300)
    assert "from 1,000,000 USD" in visitor.get(f"/v/{venue.slug}/").content.decode()


def test_new_fees_are_tried_on_the_history_from_the_page(traders, deployer, trader, signed_in, redis_client):
    venue = traders
    trade(venue)
    visitor, page = signed_in(deployer), reverse("deployer:schedule", args=[venue.pk])
    shown = visitor.post(page, DEARER).content.decode()
    assert "What the history would have paid" in shown and "Try it on the history" in shown
    wanted = schedule_from(DEARER, ["spot"])
    assert fee_trial(venue, wanted) is None
    attempt = reverse("deployer:try_fees", args=[venue.pk])
    running = visitor.post(attempt, {**DEARER, "commands": "10000"}, headers={"HX-Request": "true"})
    assert "Replaying the last 10,000 commands twice: 0 %" in running.content.decode()
    assert "<html" not in running.content.decode()
    with pytest.raises(DomainError) as twice:
        try_fees(deployer, venue, wanted, 10_000)
    assert twice.value.code == "trial_runs"
    with pytest.raises(DomainError) as foreign:
        try_fees(trader, venue, wanted, 10_000)
    assert foreign.value.code == "venue_unknown"

    try_one_schedule(venue.pk, wanted.as_data(), 10_000)
    trial = fee_trial(venue, wanted)
    was, would = trial["found"]["before"][0], trial["found"]["after"][0]
    # A trade of 650 USD: 0.05% and 0.02% as it was; 0.1% and a rebate of 0.01% as it would have been.
    assert (was["volume"], was["taker_fees"], was["maker_fees"]) == (650_000_000, 325_000, 130_000)
    assert (would["volume"], would["taker_fees"], would["maker_fees"]) == (650_000_000, 650_000, -65_000)
    told = visitor.post(attempt, DEARER).content.decode()
    assert "What trades would have paid, in USD" in told and "0.33 →" in told and "0.65" in told
    assert (schedule_of(venue).pair("spot", 0), FeeChange.objects.count()) == ((200, 500), 0), (
        "tried, not done"
    )
    refused = visitor.post(attempt, {**DEARER, "spot-0-taker": "7", "commands": "10000"})
    assert (refused.status_code, "At most 1%." in refused.content.decode()) == (422, True)
