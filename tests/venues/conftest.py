"""The cast of the venues' tests: a deployer with stake, a trader, and an engine that answers in this process."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import exchange_kernel as kernel
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client
from django.utils import timezone
from redis import Redis

from exchange_os.engine import client as engine_client
from exchange_os.engine.models import RiskGroup
from exchange_os.ledger.models import Asset, PostingKind, Transfer
from exchange_os.ledger.selectors import to_units
from exchange_os.ledger.services import request_deposit, seed_assets
from exchange_os.ledger.services.postings import external, post_transfer, wallet
from tests.engine.conftest import LocalWorker, local_worker, wait_until
from venues.contract_specs import perpetual_spec
from venues.models import Event, EventState, LaunchDraft, Market, Phase, Venue, VenueState
from venues.services import add_market, drive_launch, launch_venue, register_deployer, stake
from venues.services.drafts import new_draft, save_markets_step, save_venue_step
from venues.services.transfers import send_transfers
from venues.views import wallet as wallet_views

__all__ = ["LocalWorker", "local_worker"]

VENUE = {"name": "North Exchange", "slug": "north", "accent": "#2f6feb", "description": "Spot."}
PERPETUAL = {
    "kind": "swap", "base": "BTC", "quote": "USD", "contract_value": "0.001", "tick_size": "0.1",
    "reference_price": "65000", "max_leverage": "20", "tier_value": "50000", "band_percent": "5",
    "maker_fee_percent": "0.02", "taker_fee_percent": "0.05", "sources": f"push {'A' * 43}=\npyth {'0' * 64}",
}  # fmt: skip
BTC_USD = {
    "base": "BTC", "quote": "USD", "tick_size": "0.01", "lot_size": "0.0001", "reference_price": "65000",
    "band_percent": "5", "maker_fee_percent": "0.02", "taker_fee_percent": "0.05",
}  # fmt: skip
ETH_USD = {**BTC_USD, "base": "ETH", "lot_size": "0.001", "reference_price": "3200"}


def give(user: AbstractBaseUser, amount: str, symbol: str) -> None:
    """Test money from outside, in whole assets."""
    asset = Asset.objects.get(symbol=symbol)
    post_transfer(PostingKind.FAUCET, external(asset.pk), wallet(user.pk, asset.pk), to_units(amount, asset))


def draft_of(user: AbstractBaseUser, venue: dict[str, str] = VENUE, *markets: dict[str, str]) -> LaunchDraft:
    """A filled-in draft."""
    draft = new_draft(user)
    save_venue_step(draft, venue)
    save_markets_step(draft, list(markets or (BTC_USD,)))
    return draft


def settle(transfers: list[Transfer]) -> None:
    """Send transfers and wait until all are booked."""
    send_transfers(transfers)
    keys = [row.pk for row in transfers]
    wait_until(lambda: not Transfer.objects.filter(pk__in=keys, state="requested").exists())


@pytest.fixture
def clean_redis(redis_client: Redis) -> Iterator[None]:
    """An empty broker, and no connection of this thread left behind."""
    yield
    engine_client.close()


@pytest.fixture
def trader(db: None) -> AbstractBaseUser:
    """A user with nothing."""
    return get_user_model().objects.create_user("trader", "trader@example.com")


@pytest.fixture
def newcomer(db: None) -> AbstractBaseUser:
    """A user who is no deployer yet."""
    return get_user_model().objects.create_user("newcomer", "newcomer@example.com")


@pytest.fixture
def deployer(db: None) -> AbstractBaseUser:
    """A deployer with 1,500 OKB at stake (one venue needs 1,000) and 500 in the wallet."""
    user = get_user_model().objects.create_user("deployer", "deployer@example.com")
    register_deployer(user, "North Labs")
    give(user, "2000", "OKB")
    stake(user, to_units("1500", Asset.objects.get(symbol="OKB")))
    return user


@pytest.fixture
def signed_in() -> Callable[[AbstractBaseUser], Client]:
    """A signed-in browser of a user."""

    def of(user: AbstractBaseUser) -> Client:
        made = Client()
        made.force_login(user)
        return made

    return of


@pytest.fixture
def venue(clean_redis: None, local_worker: LocalWorker, deployer: AbstractBaseUser) -> Venue:
    """A venue that trades BTC-USD."""
    made = launch_venue(deployer, draft_of(deployer))
    drive_launch(made.pk)
    made.refresh_from_db()
    return made


@pytest.fixture
def perp(venue: Venue, deployer: AbstractBaseUser) -> Venue:
    """The same venue with a perpetual, BTC-USD-SWAP, as market 1; a contract is worth a thousandth of its price."""
    add_market(deployer, venue, perpetual_spec(PERPETUAL))
    drive_launch(venue.pk)
    return venue


@pytest.fixture
def htmx() -> dict[str, Any]:
    """Headers of a request by htmx."""
    return {"headers": {"HX-Request": "true"}}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Venues get time to answer on a busy machine."""
    monkeypatch.setattr(wallet_views, "VENUE_TIMEOUT_SECONDS", 20.0)


@pytest.fixture
def house(db: None) -> Venue:
    """A venue whose group is asleep: what is refused for want of a role never reaches it."""
    seed_assets()
    owner = get_user_model().objects.create_user("owner", "owner@example.com")
    usd = Asset.objects.get(symbol="USD")
    made = Venue.objects.create(
        slug="house", name="House", deployer=register_deployer(owner, "House Labs"),
        group_id=RiskGroup.objects.create().pk, state=VenueState.OPEN,
    )  # fmt: skip
    event = Event.objects.create(
        venue=made, number=0, kind="binary", series="RAIN", code="RAIN1", title="Rain?", rules="It rains.",
        source="airport", settlement_asset=usd, closes=timezone.now() + timedelta(days=1), state=EventState.OPEN,
    )  # fmt: skip
    Market.objects.create(
        venue=made, number=0, symbol="RAIN-YES", kind="outcome", quote=usd, tick_size="0.001", lot_size="1",
        price_scale=3, size_scale=0, lot_units=1, tick_quote=1000, payout_ticks=1000, event=event,
        reference_ticks=500, band_ppm=0, maker_fee_ppm=0, taker_fee_ppm=0, phase=Phase.OPEN,
    )  # fmt: skip
    return made


@pytest.fixture
def person(db: None) -> Callable[[str], AbstractBaseUser]:
    """Users by name."""

    def of(name: str) -> AbstractBaseUser:
        users = get_user_model().objects
        return users.filter(username=name).first() or users.create_user(name, f"{name}@example.com")

    return of


@pytest.fixture
def trade(venue: Venue, trader: AbstractBaseUser, newcomer: AbstractBaseUser) -> Asset:
    """One trade of 1 BTC at 65,000 between accounts 16 and 17; the quote asset."""
    usd, btc = Asset.objects.get(symbol="USD"), Asset.objects.get(symbol="BTC")
    give(trader, "100000", "USD")
    give(newcomer, "2", "BTC")
    for account, user in ((16, trader), (17, newcomer)):
        engine_client.submit(venue.group_id, kernel.open_account(account, owner=user.pk))
    settle(
        [
            request_deposit(trader, venue.group_id, 16, usd, 100_000 * 10**6),
            request_deposit(newcomer, venue.group_id, 17, btc, 2 * 10**8),
        ]
    )
    for account, side in ((17, kernel.SELL), (16, kernel.BUY)):
        order = kernel.place(account, 0, side=side, price_ticks=6_500_000, size_lots=10_000)
        assert engine_client.submit(venue.group_id, order).code == 0
    return usd
