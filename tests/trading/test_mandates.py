"""Mandates of keys reach the kernel, which keeps a key to them."""

from collections.abc import Iterator
from decimal import Decimal

import exchange_kernel as kernel
import pytest
from django.contrib.auth.models import AbstractBaseUser
from redis import Redis

from exchange_os.engine import client, wire
from exchange_os.errors import DomainError
from tests.engine.conftest import LocalWorker, local_worker
from tests.venues.conftest import BTC_USD, deployer, draft_of
from trading.models import ApiKey, TradingAccount
from trading.okx.refusals import reject_of
from trading.services.accounts import ensure_account
from trading.services.keys import create_api_key, edit_api_key, revoke_api_key
from trading.services.mandates import KeyLimits, limits_of, mandate_of, settle_mandates
from venues.models import Venue
from venues.services import drive_launch, launch_venue

__all__ = ["LocalWorker", "deployer", "local_worker"]


@pytest.fixture
def venue(redis_client: Redis, local_worker: LocalWorker, deployer: AbstractBaseUser) -> Iterator[Venue]:
    """A venue that trades BTC-USD and BTC-ETH."""
    made = launch_venue(deployer, draft_of(deployer, {"name": "North", "slug": "north"}, BTC_USD, {
        **BTC_USD, "quote": "ETH", "tick_size": "0.001", "reference_price": "20",
    }))  # fmt: skip
    drive_launch(made.pk)
    made.refresh_from_db()
    yield made
    client.close()


@pytest.fixture
def account(venue: Venue, deployer: AbstractBaseUser) -> TradingAccount:
    """An account the kernel knows."""
    return ensure_account(deployer, venue)


def mandates(account: TradingAccount) -> dict[int, dict[str, int]]:
    """What the kernel knows of the account's keys."""
    answer = client.query(account.venue.group_id, {"q": "mandates", "account": account.number})
    return {item["key"]: item for item in answer["mandates"]}


def test_a_new_key_is_under_its_mandate_at_once(account: TradingAccount) -> None:
    limits = KeyLimits(["btc-usd"], Decimal(100), Decimal("250.5"), Decimal(10), leverage=3, rate=20)
    key = create_api_key(account, ["read", "trade"], limits=limits).record
    known = mandates(account)[key.pk]
    assert known["rights"] == kernel.RIGHT_READ | kernel.RIGHT_TRADE
    assert (known["markets"], known["leverage"], known["rate"]) == ([0], 3, 20)
    amounts = known["order_notional"], known["position_notional"], known["daily_loss"]
    assert amounts == (100_000_000, 250_500_000, 10_000_000)
    assert key.mandated_at is None
    assert settle_mandates() == 1
    assert settle_mandates() == 0


def test_an_edited_key_is_under_its_new_mandate_at_once(account: TradingAccount) -> None:
    key = create_api_key(account, ["read", "trade"], limits=KeyLimits(["BTC-USD"], Decimal(100))).record
    settle_mandates()
    assert ApiKey.objects.get(pk=key.pk).mandated_at is not None
    limits = KeyLimits(["BTC-ETH"], None, Decimal("2.5"), None, leverage=0, rate=7)
    changed = edit_api_key(
        account, key.pk, ["read"], label="", allowed_ips=[], expires_at=None, limits=limits
    )
    known = mandates(account)[key.pk]
    assert (known["rights"], known["markets"], known["rate"]) == (kernel.RIGHT_READ, [1], 7)
    assert (known["order_notional"], known["position_notional"]) == (0, 250_000_000)
    assert limits_of(changed) == limits
    assert ApiKey.objects.get(pk=key.pk).mandated_at is None
    assert settle_mandates() == 1


def test_the_kernel_refuses_what_the_mandate_does_not_allow(account: TradingAccount) -> None:
    key = create_api_key(account, ["read", "trade"], limits=KeyLimits(["BTC-ETH"])).record
    frame = kernel.place(account.number, 0, side=kernel.BUY, price_ticks=1, size_lots=1, key=key.pk)
    ack = client.submit(account.venue.group_id, frame)
    assert kernel.REJECTS[ack.code][0] == "ACCESS_KEY_MARKET"


def test_a_key_has_a_rate_of_its_own(account: TradingAccount) -> None:
    slow = create_api_key(account, ["trade"], limits=KeyLimits(rate=2)).record
    other = create_api_key(account, ["trade"]).record
    # Frames of one submission meet the kernel in the same second; they are refused for their price, if they get so far.
    frames = [
        kernel.place(account.number, 0, side=kernel.BUY, price_ticks=1, size_lots=10**9, key=key)
        for key in (slow.pk, slow.pk, slow.pk, other.pk)
    ]
    packed = client.submit_packed(account.venue.group_id, b"".join(frames), len(frames))
    codes = [ack.code for ack in (wire.unpack_ack(packed[at : at + 32]) for at in range(0, len(packed), 32))]
    assert [kernel.REJECTS[code][0] == "ACCESS_KEY_RATE" for code in codes] == [False, False, True, False]
    assert reject_of(codes[2], "place")[0] == "50011"
    cancel = kernel.mass_cancel(account.number, key=slow.pk)
    assert client.submit(account.venue.group_id, cancel).code == 0


def test_a_revoked_key_is_ended_in_the_kernel_too(account: TradingAccount) -> None:
    key = create_api_key(account, ["trade"]).record
    settle_mandates()
    revoke_api_key(account, key.pk)
    assert mandates(account)[key.pk]["revoked"] is True
    assert ApiKey.objects.get(pk=key.pk).mandated_at is None
    assert settle_mandates() == 1


def test_a_key_without_a_way_to_its_venue_is_not_made(
    account: TradingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "send", lambda *_: False)
    with pytest.raises(DomainError) as refused:
        create_api_key(account, ["trade"])
    assert refused.value.code == "venue_busy"
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("limits", "code", "field"),
    [
        (KeyLimits(["XRP-USD"]), "market_unknown", "markets"),
        (KeyLimits(order_value=Decimal(5)), "quotes_differ", "markets"),
        (KeyLimits(["BTC-USD"], order_value=Decimal(-5)), "amount_invalid", "order_value"),
        (KeyLimits(["BTC-USD"], daily_loss=Decimal("0.0000001")), "amount_too_fine", "daily_loss"),
        (KeyLimits(leverage=1_001), "limit_invalid", "leverage"),
        (KeyLimits(rate=-1), "limit_invalid", "rate"),
    ],
)
def test_limits_are_refused_at_their_field(venue: Venue, limits: KeyLimits, code: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        mandate_of(venue, limits)
    assert (refused.value.code, refused.value.field) == (code, field)
