"""Orders that lack money draw it from the wallet: exactly, once, within the bounds, and never unasked."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import connections
from django.test import Client

from exchange_os.engine import client, sweeper
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import wallet_balance
from exchange_os.ledger.services import check_ledger
from tests.engine.conftest import LocalWorker, local_worker, wait_until
from tests.venues.conftest import clean_redis, deployer, give, signed_in, trader, venue
from tests.venues.test_contract_specs import EVENT
from tests.venues.test_events import listed
from trading.models import AutoFunding, TicketFunding, TradingAccount
from trading.selectors.auto_funding import drawn_today
from trading.services import auto_funding
from trading.services.accounts import ensure_account
from trading.services.auto_funding import place_funded, set_auto_funding
from trading.services.bets import Bet, place_bet, quote_bet
from trading.services.orders import OrderDraft, OrderRefused
from trading.services.transfers import move_funds
from venues.models import Market, Venue
from venues.services import transfers
from venues.services.totals import kernel_totals

__all__ = ["LocalWorker", "clean_redis", "deployer", "local_worker", "signed_in", "trader", "venue"]

pytestmark = pytest.mark.django_db(transaction=True)
USD = 10**6
#: 0.01 BTC at 65,000 and the taker fee of 0.05%, which the kernel holds for an order that rests.
NEEDS = 650_325_000


class Died(BaseException):
    """The process ended here."""


@pytest.fixture
def usd(db: None) -> Asset:
    """What everything here is paid in."""
    return Asset.objects.get(symbol="USD")


@pytest.fixture
def account(venue: Venue, trader: AbstractBaseUser, usd: Asset) -> Iterator[TradingAccount]:
    """1,000 USD in the wallet, 100 at the venue; at the end the books agree with the kernel."""
    give(trader, "1100", "USD")
    transfer = move_funds(trader.pk, venue.pk, "USD", Decimal(100), deposit=True)
    wait_until(lambda: Transfer.objects.get(pk=transfer.pk).state == TransferState.SETTLED)
    yield ensure_account(trader, venue)
    report = check_ledger(kernel_totals)
    assert report.faults == []


@pytest.fixture
def market(venue: Venue) -> Market:
    """BTC-USD."""
    return Market.objects.select_related("venue", "base", "quote").get(venue=venue, symbol="BTC-USD")


def allow(account: TradingAccount, usd: Asset, per_order: str = "600", per_day: str = "1000") -> None:
    """The switch, on."""
    set_auto_funding(account.user, account.venue, usd, on=True, per_order=per_order, per_day=per_day)


def order(client_id: str = "ticket1", size: str = "0.01", side: str = "buy") -> OrderDraft:
    """An order that rests; the book is empty."""
    return OrderDraft(side, Decimal(size), price=Decimal(65000), client_id=client_id)


def holdings(account: TradingAccount, usd: Asset) -> tuple[int, int, int]:
    """Units in the wallet, at the venue, and deposits made."""
    answer = client.query(account.venue.group_id, {"q": "account", "account": account.number})
    there = next((row["total"] for row in answer["balances"] if row["asset"] == usd.pk), 0)
    made = Transfer.objects.filter(user_id=account.user_id).count()
    return wallet_balance(account.user_id, usd), there, made


def open_orders(account: TradingAccount) -> int:
    """How many orders rest."""
    return len(client.query(account.venue.group_id, {"q": "orders", "account": account.number})["orders"])


def test_the_wallet_pays_exactly_what_is_missing(account: TradingAccount, market: Market, usd: Asset) -> None:
    allow(account, usd)
    placed = place_funded(account, market, order())
    assert (placed.ack.code, placed.drawn) == (0, NEEDS - 100 * USD)
    assert holdings(account, usd) == (1100 * USD - NEEDS, NEEDS, 2)
    answer = client.query(account.venue.group_id, {"q": "account", "account": account.number})
    assert [row["free"] for row in answer["balances"] if row["asset"] == usd.pk] == [0]
    row = TicketFunding.objects.get()
    assert (row.client_id, row.transfer.amount) == ("ticket1", NEEDS - 100 * USD)


def test_an_order_that_lacks_nothing_draws_nothing(
    account: TradingAccount, market: Market, usd: Asset
) -> None:
    allow(account, usd)
    assert place_funded(account, market, order(size="0.001")).drawn == 0
    assert holdings(account, usd) == (1000 * USD, 100 * USD, 1)


@pytest.mark.parametrize("was_on", [False, True])
def test_nothing_moves_without_the_switch(
    account: TradingAccount, market: Market, usd: Asset, was_on: bool
) -> None:
    if was_on:
        allow(account, usd)
        set_auto_funding(account.user, account.venue, usd, on=False, per_order="", per_day="")
    with pytest.raises(OrderRefused) as refused:
        place_funded(account, market, order())
    assert (refused.value.code, refused.value.details) == ("risk_insufficient_balance", {})
    assert (holdings(account, usd), open_orders(account)) == ((1000 * USD, 100 * USD, 1), 0)


@pytest.mark.parametrize(
    ("limit", "size", "bound"),
    [
        ("550.324999", "0.01", "your limit of 550.324999 USD an order"),
        ("2000", "0.02", "the 1,000 USD in your wallet"),
    ],
)
def test_bounds_and_a_small_wallet_leave_everything_where_it_is(
    account: TradingAccount, market: Market, usd: Asset, limit: str, size: str, bound: str
) -> None:
    allow(account, usd, limit, "2000")
    with pytest.raises(OrderRefused) as refused:
        place_funded(account, market, order(size=size))
    assert refused.value.details["wallet"] == f"Your wallet paid nothing: more is missing than {bound}."
    assert (holdings(account, usd), open_orders(account)) == ((1000 * USD, 100 * USD, 1), 0)
    assert not TicketFunding.objects.exists()


def test_the_bound_of_a_day_counts_every_order(account: TradingAccount, market: Market, usd: Asset) -> None:
    allow(account, usd, "600", "600")
    place_funded(account, market, order())
    assert drawn_today(account, usd) == NEEDS - 100 * USD
    with pytest.raises(OrderRefused) as refused:
        place_funded(account, market, order("ticket2", "0.001"))
    told = "Your wallet paid nothing: more is missing than the 49.675 USD left of your limit a day."
    assert refused.value.details["wallet"] == told
    assert holdings(account, usd) == (1100 * USD - NEEDS, NEEDS, 2)


def test_a_ticket_sent_again_draws_once(account: TradingAccount, market: Market, usd: Asset) -> None:
    allow(account, usd)
    place_funded(account, market, order())
    with pytest.raises(OrderRefused) as again:
        place_funded(account, market, order())
    assert again.value.code == "state_duplicate_client_id"
    assert (holdings(account, usd), open_orders(account)) == ((1100 * USD - NEEDS, NEEDS, 2), 1)


def test_a_ticket_sent_twice_at_once_draws_once(account: TradingAccount, market: Market, usd: Asset) -> None:
    allow(account, usd)
    together = Barrier(2)

    def send() -> str:
        try:
            together.wait(20)
            place_funded(account, market, order())
        except OrderRefused as refused:
            return refused.code
        finally:
            client.close()
            connections.close_all()
        return "placed"

    with ThreadPoolExecutor(2) as pool:
        told = sorted(future.result(60) for future in [pool.submit(send), pool.submit(send)])
    assert told == ["placed", "state_duplicate_client_id"]
    assert (holdings(account, usd), open_orders(account)) == ((1100 * USD - NEEDS, NEEDS, 2), 1)


def test_a_sale_of_what_is_not_there_draws_nothing(
    account: TradingAccount, market: Market, usd: Asset
) -> None:
    allow(account, usd)
    with pytest.raises(OrderRefused) as refused:
        place_funded(account, market, order(side="sell"))
    assert (refused.value.code, refused.value.details) == ("risk_insufficient_balance", {})
    assert holdings(account, usd) == (1000 * USD, 100 * USD, 1)


@pytest.mark.parametrize("sent", [True, False])
def test_a_crash_between_deposit_and_order_is_finished_by_the_ticket_sent_again(
    account: TradingAccount, market: Market, usd: Asset, monkeypatch: pytest.MonkeyPatch, sent: bool
) -> None:
    allow(account, usd)

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as doomed:
        doomed.setattr(auto_funding, "_arrive", die)
        if not sent:  # the outbox alone knows of the deposit
            doomed.setattr(transfers, "send_transfers", lambda _: 0)
        with pytest.raises(Died):
            place_funded(account, market, order())
    assert (wallet_balance(account.user_id, usd), open_orders(account)) == (1100 * USD - NEEDS, 0)

    placed = place_funded(account, market, order())
    assert (placed.ack.code, open_orders(account)) == (0, 1)
    assert holdings(account, usd) == (1100 * USD - NEEDS, NEEDS, 2)
    assert Transfer.objects.filter(state=TransferState.REQUESTED).count() == 0
    sweeper.sweep_outbox()
    assert holdings(account, usd) == (1100 * USD - NEEDS, NEEDS, 2)


def test_a_crash_before_the_commit_moves_nothing(
    account: TradingAccount, market: Market, usd: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(account, usd)

    def die(**_: object) -> None:
        raise Died

    with monkeypatch.context() as doomed:
        doomed.setattr(TicketFunding.objects, "create", die)
        with pytest.raises(Died):
            place_funded(account, market, order())
    assert holdings(account, usd) == (1000 * USD, 100 * USD, 1)
    assert place_funded(account, market, order()).drawn == NEEDS - 100 * USD
    assert holdings(account, usd) == (1100 * USD - NEEDS, NEEDS, 2)


def test_a_venue_that_does_not_answer_and_where_the_money_is(
    account: TradingAccount, market: Market, usd: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(account, usd)

    def silence(*_: object, **__: object) -> None:
        raise client.OutcomeUnknown

    with monkeypatch.context() as away:
        away.setattr(client, "submit", silence)
        away.setattr(transfers, "send_transfers", lambda _: 0)
        with pytest.raises(OrderRefused) as refused:
            place_funded(account, market, order())
    assert refused.value.details["pending"]
    assert refused.value.details["wallet"] == (
        "550.325 USD left your wallet and is on its way to North Exchange, which has not answered yet; "
        "send the order again in a moment, it draws nothing more."
    )
    assert holdings(account, usd) == (1100 * USD - NEEDS, 100 * USD, 2)
    assert place_funded(account, market, order()).drawn == NEEDS - 100 * USD
    assert holdings(account, usd) == (1100 * USD - NEEDS, NEEDS, 2)


def test_an_order_refused_after_all_leaves_the_money_at_the_venue(
    account: TradingAccount, market: Market, usd: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(account, usd)
    arrive = auto_funding._arrive

    def spent_meanwhile(*args: object) -> None:
        arrive(*args)  # type: ignore[arg-type]
        other = Market.objects.get(pk=market.pk)
        auto_funding.accepted(
            account.venue.group_id,
            auto_funding.place_frame(
                account.number, auto_funding.tradable_market(other), order("other", "0.005")
            ),
        )

    monkeypatch.setattr(auto_funding, "_arrive", spent_meanwhile)
    with pytest.raises(OrderRefused) as refused:
        place_funded(account, market, order())
    told = "550.325 USD came from your wallet and stays at North Exchange."
    assert (refused.value.code, refused.value.details["wallet"]) == ("risk_insufficient_balance", told)
    assert (holdings(account, usd), open_orders(account)) == ((1100 * USD - NEEDS, NEEDS, 2), 1)


def test_a_bet_is_paid_by_the_wallet(
    account: TradingAccount, deployer: AbstractBaseUser, venue: Venue, usd: Asset
) -> None:
    event = listed(deployer, venue, EVENT)
    book = Market.objects.select_related("venue", "base", "quote").get(event=event)
    bet = Bet(lots=400, limit=book.payout_ticks // 2, client_id="bet1")
    needs = quote_bet(book, bet).total
    with pytest.raises(OrderRefused):
        place_bet(account, book, bet)
    assert holdings(account, usd) == (1000 * USD, 100 * USD, 1)
    allow(account, usd)
    done = place_bet(account, book, bet)
    # 400 contracts at half a dollar, and the fee the kernel asks for at that price: what the ticket said.
    assert (done.rests, done.drawn) == (400, needs - 100 * USD)
    assert holdings(account, usd) == (1100 * USD - needs, needs, 2)
    with pytest.raises(OrderRefused) as again:
        place_bet(account, book, bet)
    assert again.value.code == "state_duplicate_client_id"
    assert holdings(account, usd) == (1100 * USD - needs, needs, 2)


def test_the_pages_take_the_switch_and_show_it(
    account: TradingAccount,
    market: Market,
    usd: Asset,
    signed_in: Callable[[AbstractBaseUser], Client],
) -> None:
    visitor = signed_in(account.user)
    address, terminal = "/v/north/auto-funding/", "/v/north/trade/BTC-USD/"
    fields = {"asset": "USD", "on": "on", "per_order": "600", "per_day": "1000"}
    for changed, sentence in (
        ({"per_order": "many"}, "Enter "),
        ({"per_order": "-1"}, "Enter "),
        ({"per_order": "1.0000001"}, "decimals"),
        ({"per_day": "599"}, "The limit a day is at least the limit of one order."),
    ):
        answer = visitor.post(address, {**fields, **changed})
        text = answer.content.decode()
        assert (answer.status_code, 'role="alert"' in text, sentence in text) == (422, True, True), changed
    assert visitor.post(address, {**fields, "asset": "OKB"}).status_code == 422
    assert not AutoFunding.objects.exists()
    assert "Let the wallet pay what orders lack" in visitor.get(terminal).content.decode()

    ticket = {"side": "buy", "type": "limit", "price": "65000", "size": "0.01", "client_id": "page1"}
    refused = visitor.post(f"{terminal}order/", ticket, headers={"HX-Request": "true"})
    assert (refused.status_code, holdings(account, usd)) == (422, (1000 * USD, 100 * USD, 1))
    assert "xos:ended" in refused.headers["HX-Trigger"]

    assert visitor.post(address, fields).url == address
    assert f'href="{address}"' in visitor.get("/wallet/?venue=north").content.decode()
    shown = "The wallet pays what is missing, at most 600 USD an order."
    assert shown in visitor.get(terminal).content.decode()
    placed = visitor.post(f"{terminal}order/", ticket, headers={"HX-Request": "true"})
    assert placed.status_code == 200
    assert "550.325 USD came from your wallet." in placed.headers["HX-Trigger"]
    again = visitor.post(f"{terminal}order/", ticket, headers={"HX-Request": "true"})
    assert "it is not sent twice" in again.headers["HX-Trigger"]
    assert (holdings(account, usd), open_orders(account)) == ((1100 * USD - NEEDS, NEEDS, 2), 1)

    assert visitor.post(address, {"asset": "USD"}).url == address
    assert not AutoFunding.objects.get().on
    assert Client().get(address).status_code == 302


def test_a_setting_of_an_asset_nobody_trades_in_is_refused(account: TradingAccount) -> None:
    okb = Asset.objects.get(symbol="OKB")
    with pytest.raises(DomainError, match="No market of North Exchange is paid in OKB"):
        set_auto_funding(account.user, account.venue, okb, on=True, per_order="1", per_day="1")
    assert not AutoFunding.objects.exists()
