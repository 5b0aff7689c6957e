"""Permissions on their way to the kernel: from a policy, through an account, to orders that pass or do not."""

from datetime import timedelta
from decimal import Decimal

import exchange_kernel as kernel
import orjson
import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from tests.engine.conftest import wait_until
from tests.venues.access_cast import approved
from tests.venues.conftest import give
from trading.models import TradingAccount
from trading.okx.bulk import render_sifted
from trading.okx.refusals import domain_code, reject_of
from trading.selectors.access import credential_level, explained
from trading.selectors.catalogue import read_catalogue, tradable_market
from trading.services.accounts import ensure_account
from trading.services.algos import AlgoChange, AlgoDraft, AlgoKey, Wait, algo_frame, amend_algo_frame
from trading.services.order_limits import sift
from trading.services.orders import AmendDraft, OrderDraft, OrderKey, OrderRefused, amend_order, place_order
from trading.services.permissions import follow_permissions, settle_permission
from venues.access import Rules
from venues.models import AccountPermission, Consent, Credential, Market, Screening, Venue
from venues.services import start_deposit, start_withdrawal
from venues.services.access_policies import ask_for_credentials, publish_policy
from venues.services.credentials import give_consent, withdraw_consent

pytestmark = pytest.mark.django_db(transaction=True)
USD = 10**6


def flags_at(venue: Venue, account: TradingAccount) -> int:
    """The flags of an account as the kernel has them."""
    return int(client.query(venue.group_id, {"q": "account", "account": account.number})["flags"])


def settled(transfer: Transfer) -> TransferState:
    wait_until(lambda: not Transfer.objects.filter(pk=transfer.pk, state=TransferState.REQUESTED).exists())
    transfer.refresh_from_db()
    return transfer.state


def bid(account: TradingAccount, price: str = "64000") -> int:
    """A resting bid of one hundredth."""
    market = Market.objects.get(venue=account.venue)
    return place_order(account, market, OrderDraft("buy", Decimal("0.01"), price=Decimal(price))).order_id


def refusal_of(account: TradingAccount, side: str = "buy") -> str:
    market = Market.objects.get(venue=account.venue)
    with pytest.raises(OrderRefused) as caught:
        place_order(account, market, OrderDraft(side, Decimal("0.001"), price=Decimal("64000")))
    return caught.value.code


@pytest.fixture
def regulated(venue: Venue, deployer: AbstractBaseUser) -> Venue:
    """The venue asks for level 2 from its own desk, and does not serve North Korea."""
    ask_for_credentials(deployer, venue, level=2, blocked=["KP"])
    venue.refresh_from_db()
    return venue


def test_from_refusal_to_first_trade_and_back(regulated, deployer, trader) -> None:
    venue, usd = regulated, Asset.objects.get(symbol="USD")
    with pytest.raises(DomainError) as refused:
        ensure_account(trader, venue)
    assert refused.value.code == "access_credential_missing"
    assert refused.value.details["rules"] == ["credential_missing"]
    assert not TradingAccount.objects.exists(), "nothing was opened or reserved"

    desk = venue.issuers.get()
    credential = approved(deployer, trader, desk, venue)
    account = ensure_account(trader, venue)
    permission = AccountPermission.objects.get()
    assert (flags_at(venue, account), permission.flags, permission.told) == (0, 0, 0)
    assert permission.due == credential.expires
    give(trader, "1000", "USD")
    assert settled(start_deposit(trader, venue, account.number, usd, 900 * USD)) == TransferState.SETTLED
    bid(account)

    withdraw_consent(trader, Consent.objects.get().pk)
    assert follow_permissions() == 1
    assert flags_at(venue, account) == kernel.ACCOUNT_REDUCE_ONLY
    rest = client.query(venue.group_id, {"q": "account", "account": account.number})
    assert rest["orders"] == [], "an order that could still add is gone"
    assert refusal_of(account) == "access_reduce_only"
    permission.refresh_from_db()
    assert permission.decisions["spot"]["refusals"][0]["code"] == "consent_missing"
    assert settled(start_withdrawal(trader, venue, account.number, usd, 100 * USD)) == TransferState.SETTLED
    assert follow_permissions() == 0, "told once"

    give_consent(trader, credential.pk, venue)
    settle_permission(trader.pk, venue.pk)
    assert flags_at(venue, account) == 0
    bid(account)


def test_what_was_bought_can_be_sold_when_the_credential_has_run_out(
    regulated, deployer, trader, newcomer
) -> None:
    venue, desk = regulated, regulated.issuers.get()
    approved(deployer, trader, desk, venue)
    approved(deployer, newcomer, desk, venue, name="Bob Maker")
    accounts = {}
    for user, symbol, units in (
        (trader, "USD", 900 * USD),
        (newcomer, "BTC", 10**7),
        (newcomer, "USD", 900 * USD),
    ):
        accounts[user] = ensure_account(user, venue)
        give(user, "1000", symbol)
        asset = Asset.objects.get(symbol=symbol)
        assert (
            settled(start_deposit(user, venue, accounts[user].number, asset, units)) == TransferState.SETTLED
        )
    market = Market.objects.get(venue=venue)
    place_order(accounts[newcomer], market, OrderDraft("sell", Decimal("0.01"), price=Decimal("65000")))
    assert bid(accounts[trader], "65000")

    Credential.objects.filter(holder=trader).update(expires=timezone.now() + timedelta(milliseconds=1))
    AccountPermission.objects.filter(user=trader).update(due=timezone.now())
    follow_permissions()
    assert refusal_of(accounts[trader]) == "access_reduce_only"
    bid(accounts[newcomer], "64500")
    ack = place_order(accounts[trader], market, OrderDraft("sell", Decimal("0.01"), price=Decimal("64500")))
    assert ack.filled_lots == 100


def test_a_new_policy_reaches_the_accounts_that_were_there(venue, deployer, trader) -> None:
    with CaptureQueriesContext(connection) as asked:
        account = ensure_account(trader, venue)
    assert not any("accountpermission" in each["sql"] for each in asked), "an open venue asks nothing"
    assert follow_permissions() == 0
    ask_for_credentials(deployer, venue, level=1, screening=False)
    assert follow_permissions() == 1
    assert flags_at(venue, account) == kernel.ACCOUNT_REDUCE_ONLY
    desk = venue.issuers.get()
    publish_policy(deployer, venue, Rules(products={"swap": 1}, issuers=frozenset({desk.pk})))
    assert follow_permissions() == 1
    assert flags_at(venue, account) == kernel.ACCOUNT_REDUCE_PERPETUAL
    publish_policy(deployer, venue, Rules())
    assert follow_permissions() == 1
    assert flags_at(venue, account) == 0


def test_a_hit_freezes_and_money_still_goes_home(regulated, deployer, trader) -> None:
    venue, usd, desk = regulated, Asset.objects.get(symbol="USD"), regulated.issuers.get()
    approved(deployer, trader, desk, venue)
    account = ensure_account(trader, venue)
    give(trader, "1000", "USD")
    assert settled(start_deposit(trader, venue, account.number, usd, 900 * USD)) == TransferState.SETTLED
    Screening.objects.create(holder=trader, issuer=desk, adapter="lists", outcome="hit", matched="Ann (test)")
    settle_permission(trader.pk, venue.pk)
    assert flags_at(venue, account) == kernel.ACCOUNT_FROZEN
    assert refusal_of(account) == "access_frozen"
    with pytest.raises(DomainError) as refused:
        start_deposit(trader, venue, account.number, usd, 50 * USD)
    assert refused.value.code == "access_screening_hit"
    assert settled(start_withdrawal(trader, venue, account.number, usd, 900 * USD)) == TransferState.SETTLED


def test_deposits_of_a_day_are_bounded(regulated, deployer, trader) -> None:
    venue, usd, desk = regulated, Asset.objects.get(symbol="USD"), regulated.issuers.get()
    rules = Rules(level=2, issuers=frozenset({desk.pk}), limit_asset="USD", deposit_limit="500")
    publish_policy(deployer, venue, rules)
    venue.refresh_from_db()
    approved(deployer, trader, desk, venue)
    account = ensure_account(trader, venue)
    give(trader, "1000", "USD")
    start_deposit(trader, venue, account.number, usd, 400 * USD)
    with pytest.raises(DomainError) as refused:
        start_deposit(trader, venue, account.number, usd, 101 * USD)
    assert refused.value.code == "deposit_limit"
    assert "100" in refused.value.message
    assert Transfer.objects.count() == 1
    start_deposit(trader, venue, account.number, usd, 100 * USD)


def test_an_order_is_bounded_and_every_refusal_has_its_code_of_the_dialect(
    regulated, deployer, trader
) -> None:
    venue, desk = regulated, regulated.issuers.get()
    with pytest.raises(DomainError) as unknown:
        ensure_account(trader, venue)
    assert domain_code(unknown.value) == "51732"
    publish_policy(
        deployer, venue, Rules(level=2, issuers=frozenset({desk.pk}), limit_asset="USD", order_limit="650")
    )
    approved(deployer, trader, desk, venue)
    account = ensure_account(trader, venue)
    market = Market.objects.get(venue=venue)
    for draft in (
        OrderDraft("buy", Decimal("0.0101"), price=Decimal("65000")),
        OrderDraft("buy", Decimal("0.0101"), order_type="market", time_in_force="ioc"),
        OrderDraft("buy", Decimal("651"), order_type="market", time_in_force="ioc", size_in_quote=True),
    ):
        with pytest.raises(DomainError) as refused:
            place_order(account, market, draft)
        assert (refused.value.code, domain_code(refused.value)) == ("order_limit", "51004")
    with pytest.raises(OrderRefused) as poor:
        place_order(account, market, OrderDraft("buy", Decimal("0.01"), price=Decimal("65000")))
    assert poor.value.code == "risk_insufficient_balance", "at the limit only money is missing"

    limited = tradable_market(Market.objects.select_related("venue").get(pk=market.pk))
    key = OrderKey(order_id=1)
    for change in (
        AmendDraft(key, price=Decimal("65000")),
        AmendDraft(key, size=Decimal("0.01")),
        AmendDraft(key, size=Decimal("0.0101"), price=Decimal("65000")),
    ):
        with pytest.raises(DomainError) as refused:
            amend_order(account, market, change)
        assert refused.value.code == "order_limit"
    stop = Wait(Decimal("70000"))
    with pytest.raises(DomainError, match="at most 650 USD each"):
        algo_frame(account.number, limited, AlgoDraft("buy", Decimal("0.0095"), trigger=stop))
    assert algo_frame(account.number, limited, AlgoDraft("sell", Decimal("1"), stop=stop, reduce_only=True))
    changed = AlgoChange(AlgoKey(algo_id=1), first_trigger=Decimal("70000"))
    with pytest.raises(DomainError, match="has to name price and size"):
        amend_algo_frame(account.number, limited, changed)

    withdraw_consent(trader, Consent.objects.get().pk)
    settle_permission(trader.pk, venue.pk)
    venue.refresh_from_db()
    with pytest.raises(OrderRefused) as bound:
        place_order(account, market, OrderDraft("buy", Decimal("0.001"), price=Decimal("64000")))
    told = explained(bound.value, trader.pk, venue, "spot")
    assert told.message == (
        "You hold the credential that is needed, but the venue may not see it. Share it with the venue. "
        "What you hold can still be sold."
    )
    assert domain_code(told) == "51732"
    assert [credential_level(trader.pk, venue.pk), reject_of(216, "place")[0]] == [0, "50027"]


def test_a_bulk_body_is_taken_where_orders_are_limited_and_each_item_is_held_to_the_limit(
    regulated, deployer, trader
) -> None:
    venue, desk = regulated, regulated.issuers.get()
    rules = Rules(level=2, issuers=frozenset({desk.pk}), limit_asset="USD", order_limit="650")
    publish_policy(deployer, venue, rules)
    approved(deployer, trader, desk, venue)
    account = ensure_account(trader, venue)
    give(trader, "1000", "USD")
    assert settled(start_deposit(trader, venue, account.number, Asset.objects.get(symbol="USD"), 900 * USD))
    catalogue = read_catalogue(venue.slug)
    assert catalogue is not None
    symbol = catalogue.markets[0].symbol

    def item(price: str, size: str, client_id: str) -> dict[str, str]:
        order = {"op": "place", "instId": symbol, "side": "buy", "ordType": "limit", "clOrdId": client_id}
        return {**order, "px": price, "sz": size}

    body = {
        "items": [
            item("64000", "0.01", "first"),
            item("64000", "0.02", "large"),
            {"op": "dance"},
            {"op": "amend", "instId": symbol, "clOrdId": "first", "newPx": "64500"},
            {"op": "amend", "instId": symbol, "clOrdId": "first", "newPx": "64500", "newSz": "0.01"},
            {"op": "cancel", "instId": symbol, "clOrdId": "large"},
        ]
    }
    decoded = kernel.decode_bulk(orjson.dumps(body), catalogue.instruments, account.number)
    sifted = sift(catalogue.by_number, decoded.packed, decoded.count)
    assert (decoded.count, sifted.count, sorted(sifted.refused)) == (5, 3, [1, 2])
    acks = client.submit_packed(venue.group_id, sifted.packed, sifted.count)
    answer = orjson.loads(render_sifted(acks, decoded, sifted))
    assert [row["sCode"] for row in answer["data"]] == ["0", "51004", "51001", "51004", "0", "51400"]
    assert answer["code"] == "2"
    assert answer["data"][1]["sMsg"] == "This venue takes orders of at most 650 USD each; lower the amount."
    assert answer["data"][3]["sMsg"].endswith("a change has to name price and size.")
    resting = client.query(venue.group_id, {"q": "orders", "account": account.number})["orders"]
    assert [(order["price_ticks"], order["size_lots"]) for order in resting] == [
        (catalogue.markets[0].to_ticks(Decimal("64500")), catalogue.markets[0].to_lots(Decimal("0.01")))
    ]
