"""Notifications: made from what history keeps, each once; counted, read, chosen, bounded."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from exchange_kernel import BILL_KINDS, SELL

from exchange_os.engine.models import Bill, RiskGroup
from exchange_os.ledger.models import Asset, Direction, Transfer, TransferState, Withdrawal, WithdrawalState
from tests.pages.packing import store_fills
from trading.models import Notification, NotificationCursor, TradingAccount
from trading.selectors.notifications import news_since, unread_count
from trading.services import notifications
from trading.services.notifications import choose_kinds, delete_old_notifications, mark_read, notify_all
from venues.models import DeployerNotice, Market

pytestmark = pytest.mark.django_db


def told(user) -> list[str]:
    """The texts of a user, oldest first."""
    return list(Notification.objects.filter(user=user).order_by("pk").values_list("text", flat=True))


def bill(market: Market, sequence: int, kind: str, amount: int, account: int = 16, bill_no: int = 0) -> None:
    group_id = market.venue.group_id
    Bill.objects.create(
        group_id=group_id, sequence=sequence, bill_no=bill_no, account=account, market=0, kind=BILL_KINDS[kind],
        lots=1, price_ticks=1, amount=amount, fee=0, cash_after=0, extra=0,
        time_ms=int(timezone.now().timestamp() * 1000),
    )  # fmt: skip
    RiskGroup.objects.filter(pk=group_id).update(head_sequence=sequence)


def stored(user, count: int, **fields) -> None:
    values = {"kind": "funding", "text": "Told.", "link": "/", "happened": timezone.now(), **fields}
    first = Notification.objects.count()
    Notification.objects.bulk_create(
        [Notification(user=user, source=f"test:{first + number}", **values) for number in range(count)]
    )


@pytest.fixture
def account(market: Market, trader) -> TradingAccount:
    return TradingAccount.objects.create(user=trader, venue=market.venue, number=16, opened_at=timezone.now())


def test_bills_are_told_once_in_plain_words(account: TradingAccount, market: Market, trader) -> None:
    bill(market, 7, "funding", -2_500_000)
    bill(market, 7, "liquidation", -40_000_000, bill_no=1)
    bill(market, 8, "adl", 3_000_000)
    bill(market, 9, "margin", 3_000_000)  # not told
    bill(market, 9, "funding", 1, account=17, bill_no=1)  # nobody's here
    notify_all()
    expected = [
        "You paid 2.5 USD of funding on BTC-USD at Acme Markets.",
        "A position was liquidated on BTC-USD at Acme Markets: -40 USD.",
        "A position was reduced by auto-deleveraging on BTC-USD at Acme Markets: +3 USD.",
    ]
    assert told(trader) == expected
    assert Notification.objects.count() == 3
    notify_all()
    NotificationCursor.objects.update(place=0)
    notify_all()
    assert told(trader) == expected
    bill(market, 10, "settlement", 5_000_000)
    notify_all()
    assert told(trader) == [*expected, "A position was settled on BTC-USD at Acme Markets: +5 USD."]
    assert Notification.objects.latest("pk").link == "/v/acme/trade/BTC-USD/"


def fills(market: Market, account: int, first_trade: int, sizes: list[int], **fields) -> None:
    """Fills of 65,000 for whole orders of the account, in trades from ``first_trade`` on."""
    now_ms = int(timezone.now().timestamp() * 1000)
    store_fills(
        market.venue.group_id,
        account,
        [
            {"trade_id": first_trade + rank, "time_ms": now_ms, "size_lots": lots, "notional": 6_500_000 * lots}
            | fields
            for rank, lots in enumerate(sizes)
        ],
    )  # fmt: skip
    RiskGroup.objects.filter(pk=market.venue.group_id).update(head_sequence=first_trade)


def test_fills_are_told_once_for_each_order_placed_by_hand(
    account: TradingAccount, market: Market, trader
) -> None:
    fills(market, 16, 10, [30, 50], order_id=5)
    fills(market, 16, 12, [7], order_id=6, side=SELL)
    fills(market, 16, 13, [9], order_id=7, key=3)  # of a program
    fills(market, 17, 14, [9], order_id=8)  # nobody's here
    notify_all()
    first = "Bought 0.008 BTC at 65,000.0 on BTC-USD at Acme Markets."
    sold = "Sold 0.0007 BTC at 65,000.0 on BTC-USD at Acme Markets."
    assert told(trader) == [first, sold]
    notify_all()
    assert told(trader) == [first, sold]
    mark_read(trader.pk)
    fills(market, 16, 20, [20], order_id=5)
    notify_all()
    assert told(trader) == [sold, "Bought 0.01 BTC at 65,000.0 on BTC-USD at Acme Markets."]
    assert unread_count(trader.pk) == 1
    assert NotificationCursor.objects.get(name=f"fills:{market.venue.group_id}").place == 20


def test_a_page_that_comes_back_is_told_what_it_missed(trader) -> None:
    assert news_since(trader.pk, None, 4) == (0, 0, [])
    stored(trader, 6)
    ids = list(Notification.objects.order_by("pk").values_list("pk", flat=True))
    newest, unread, fresh = news_since(trader.pk, ids[3], 4)
    assert (newest, unread, [each.pk for each in fresh]) == (ids[5], 6, ids[4:])
    assert [each.pk for each in news_since(trader.pk, 0, 4)[2]] == ids[2:]
    assert news_since(trader.pk, None, 4) == (ids[5], 6, [])
    Notification.objects.update(read=True)
    assert news_since(trader.pk, 0, 4) == (ids[5], 0, [])


def test_a_quiet_group_is_not_asked(account: TradingAccount, market: Market, monkeypatch) -> None:
    bill(market, 7, "funding", 1_000_000)
    notify_all()
    asked: list[object] = []
    monkeypatch.setattr(notifications, "_notify_bills", lambda *args: asked.append(args) or 0)
    notify_all()
    assert asked == []


def test_a_transfer_is_told_when_it_ended(account: TradingAccount, market: Market, trader) -> None:
    usd = Asset.objects.get(symbol="USD")
    transfers = [
        Transfer.objects.create(
            user=trader, group_id=market.venue.group_id, account=16, asset=usd, amount=1_500_000, issued_ms=1,
            direction=direction,
        )
        for direction in (Direction.DEPOSIT, Direction.WITHDRAW)
    ]  # fmt: skip
    notify_all()
    assert told(trader) == []
    for transfer, state in zip(transfers, (TransferState.SETTLED, TransferState.REFUSED), strict=True):
        Transfer.objects.filter(pk=transfer.pk).update(state=state, finished=timezone.now())
    NotificationCursor.objects.filter(name="transfers").update(place=transfers[-1].pk + 10_000)
    notify_all()
    notify_all()
    assert told(trader) == [
        "Your transfer of 1.5 USD to Acme Markets is done.",
        "Your transfer of 1.5 USD from Acme Markets to your wallet failed; the money is where it was.",
    ]


def test_a_row_committed_late_is_told_and_what_is_told_is_not_looked_at_again(
    account: TradingAccount, market: Market, trader, django_assert_max_num_queries
) -> None:
    def settled(pk: int) -> None:
        Transfer.objects.create(
            pk=pk, user=trader, group_id=market.venue.group_id, account=16, amount=pk * 1_000_000, issued_ms=1,
            asset=Asset.objects.get(symbol="USD"), direction=Direction.DEPOSIT, state=TransferState.SETTLED,
            finished=timezone.now(),
        )  # fmt: skip

    settled(902)
    notify_all()
    settled(901)
    notify_all()
    assert told(trader) == [f"Your transfer of {pk} USD to Acme Markets is done." for pk in (902, 901)]
    with django_assert_max_num_queries(30):
        notify_all()
    cursor = NotificationCursor.objects.get(name="transfers")
    assert (cursor.place, 901 in cursor.waiting, 900 in cursor.waiting) == (902, False, True)
    assert Notification.objects.count() == 2


def test_a_withdrawal_is_told_when_sent_or_returned(market: Market, trader) -> None:
    usd = Asset.objects.get(symbol="USD")
    for state in (WithdrawalState.SENT, WithdrawalState.RETURNED, WithdrawalState.CANCELLED):
        Withdrawal.objects.create(
            user=trader, asset=usd, amount=1_000_000, address="a", approve_at=timezone.now(), state=state
        )
    notify_all()
    sent, back = ("Your withdrawal of 1 USD was sent.", "Your withdrawal of 1 USD came back to your wallet.")
    assert told(trader) == [sent, back]
    NotificationCursor.objects.filter(name="withdrawals").update(place=10**9)
    Withdrawal.objects.filter(state=WithdrawalState.SENT).update(state=WithdrawalState.RETURNED)
    notify_all()
    assert told(trader) == [sent, back, back]
    notify_all()
    assert told(trader) == [sent, back, back]


def test_the_page_lists_counts_and_marks_only_ones_own(
    client: Client, market: Market, trader, django_user_model
) -> None:
    client.force_login(trader)
    assert "Nothing yet" in client.get("/account/notifications/").content.decode()
    assert client.get("/account/notifications/bell/").json() == {"unread": 0}
    other = django_user_model.objects.create_user("other", "other@example.com")
    stored(other, 1)
    stored(trader, 52)
    page = client.get("/account/notifications/")
    assert (len(page.context["notifications"]), page.context["unread"]) == (50, 52)
    second = client.get(f"/account/notifications/?before={page.context['following']}")
    assert (len(second.context["notifications"]), second.context["following"]) == (2, 0)
    assert client.get("/account/notifications/bell/").json() == {"unread": 52}
    client.post("/account/notifications/read/", {"id": Notification.objects.get(user=other).pk})
    assert Notification.objects.filter(read=True).count() == 0
    client.post("/account/notifications/read/", {"id": page.context["notifications"][0].pk})
    assert Notification.objects.filter(user=trader, read=True).count() == 1
    client.post("/account/notifications/read/")
    assert Notification.objects.filter(user=trader, read=False).count() == 0
    assert Notification.objects.filter(user=other, read=False).count() == 1


def test_a_kind_that_is_switched_off_is_not_told(
    client: Client, account: TradingAccount, market: Market, trader
) -> None:
    client.force_login(trader)
    client.post("/account/notifications/kinds/", {"kind": ["liquidation", "nonsense"]})
    bill(market, 7, "funding", -2_500_000)
    bill(market, 8, "liquidation", -1_000_000)
    notify_all()
    assert told(trader) == ["A position was liquidated on BTC-USD at Acme Markets: -1 USD."]
    choose_kinds(trader.pk, ["funding"])
    bill(market, 9, "funding", -2_500_000)
    notify_all()
    assert told(trader)[1:] == ["You paid 2.5 USD of funding on BTC-USD at Acme Markets."]


def test_storage_is_bounded(trader, monkeypatch) -> None:
    monkeypatch.setattr(notifications, "AT_MOST", 3)
    stored(trader, 2, happened=timezone.now() - timedelta(days=91))
    stored(trader, 5, text="Newer.")
    newest = list(Notification.objects.order_by("-pk").values_list("pk", flat=True)[:3])
    delete_old_notifications()
    assert list(Notification.objects.order_by("-pk").values_list("pk", flat=True)) == newest


def test_a_deployer_is_told_of_stake_once(trader) -> None:
    DeployerNotice.objects.create(
        user=trader, source="stake price 1", text="OKB fell.", link="/deployer/stake/"
    )
    notify_all()
    notify_all()
    note = Notification.objects.get(user=trader)
    assert (note.text, note.kind, note.link) == ("OKB fell.", "deployer", "/deployer/stake/")
