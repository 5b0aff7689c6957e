"""Price alerts: set from where a market is, told once when it trades there, deleted; each is its owner's."""

import time

import pytest
from django.test import Client

from exchange_os.engine.models import Candle
from exchange_os.errors import DomainError
from trading.models import Notification, NotificationKind, PriceAlert
from trading.services import price_alerts
from trading.services.notifications import notify_all
from trading.services.price_alerts import set_alert
from venues.models import Market
from venues.selectors import instrument

pytestmark = pytest.mark.django_db
MINUTE_MS = 60_000


def traded(market: Market, minutes_from_now: int, low: str, high: str, close: str) -> None:
    """A minute of trades."""
    ticks = [instrument(market).to_ticks(price) for price in (low, high, close)]
    Candle.objects.create(
        group_id=market.venue.group_id, market=market.number,
        minute_ms=(time.time_ns() // 1_000_000 // MINUTE_MS + minutes_from_now) * MINUTE_MS,
        open=ticks[2], low=ticks[0], high=ticks[1], close=ticks[2], volume_lots=1, quote_volume=1, trades=1,
    )  # fmt: skip


def told(user) -> list[str]:
    """Texts of the alerts a user was told of."""
    rows = Notification.objects.filter(user=user, kind=NotificationKind.ALERT).order_by("pk")
    return list(rows.values_list("text", flat=True))


def test_an_alert_is_told_once_when_the_price_was_traded(market: Market, trader, monkeypatch) -> None:
    traded(market, 0, "49000", "51000", "50000")
    set_alert(trader.pk, market.venue, market, "50500")
    set_alert(trader.pk, market.venue, market, "50500")
    set_alert(trader.pk, market.venue, market, "49500")
    assert [each.above for each in PriceAlert.objects.order_by("pk")] == [True, False]
    notify_all()
    assert told(trader) == []  # 51,000 and 49,000 were traded before they were asked for

    traded(market, 1, "50000", "50500", "50100")
    notify_all()
    notify_all()
    place = f"{market.symbol} at {market.venue.name}"
    assert told(trader) == [f"{place} rose to 50500.0 USD."]
    monkeypatch.setattr(price_alerts, "NOTED_EVERY_MS", -1)
    traded(market, 2, "49400", "50000", "49900")
    notify_all()
    assert told(trader)[1:] == [f"{place} fell to 49500.0 USD."]
    assert not PriceAlert.objects.exists()


@pytest.mark.parametrize("price", ["", "NaN", "-1", "0", "1e400", "50000.000000001", "50000", "9" * 40])
def test_a_price_that_cannot_be_watched_is_refused_at_the_field(
    client: Client, market: Market, trader, price: str
) -> None:
    traded(market, 0, "50000", "50000", "50000")
    client.force_login(trader)
    address = f"/v/{market.venue.slug}/trade/{market.symbol}/alerts/"
    answer = client.post(address, {"price": price}, headers={"HX-Request": "true"})
    assert answer.status_code == 422 and 'role="alert"' in answer.content.decode()
    assert not PriceAlert.objects.exists()


def test_a_market_without_a_trade_and_one_alert_too_many(market: Market, trader, monkeypatch) -> None:
    with pytest.raises(DomainError, match="Nothing was traded"):
        set_alert(trader.pk, market.venue, market, "50000")
    traded(market, 0, "50000", "50000", "50000")
    monkeypatch.setattr(price_alerts, "WAITING_AT_MOST", 1)
    set_alert(trader.pk, market.venue, market, "50001")
    with pytest.raises(DomainError, match="delete one first"):
        set_alert(trader.pk, market.venue, market, "50002")
    assert PriceAlert.objects.count() == 1


def test_the_dialog_and_the_page_list_them_and_only_the_owner_deletes(
    client: Client, market: Market, trader, django_user_model
) -> None:
    traded(market, 0, "50000", "50000", "50000")
    address = f"/v/{market.venue.slug}/trade/{market.symbol}/alerts/"
    assert client.get(address)["Location"].startswith("/accounts/login/")
    client.force_login(trader)
    page = client.post(address, {"price": "50100"}, headers={"HX-Request": "true"}).content.decode()
    assert "▲ at 50,100" in page and "▲ at 50,100" in client.get("/account/notifications/").content.decode()
    alert = PriceAlert.objects.get()

    client.force_login(django_user_model.objects.create_user("other", "other@test.example"))
    client.post(f"/account/alerts/{alert.pk}/delete/")
    assert PriceAlert.objects.filter(pk=alert.pk).exists()
    client.force_login(trader)
    assert client.post(f"/account/alerts/{alert.pk}/delete/", headers={"HX-Request": "true"}).content == b""
    assert not PriceAlert.objects.exists()
