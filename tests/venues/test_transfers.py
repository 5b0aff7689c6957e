"""Money to a venue and back, through the engine, exactly once."""

import exchange_kernel as kernel
import pytest

from exchange_os.engine import client
from exchange_os.engine.sweeper import transfer_command
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import pending_transfers, wallet_balance
from exchange_os.ledger.services import check_ledger, request_deposit
from tests.engine.conftest import wait_until
from tests.ledger.books import picture
from tests.venues.conftest import give
from venues.services import halt_venue, start_deposit, start_withdrawal
from venues.services.asking import ask
from venues.services.totals import kernel_totals
from venues.services.transfers import refusal_text, send_transfers

pytestmark = pytest.mark.django_db(transaction=True)
USD = 10**6
ACCOUNT = 16


@pytest.fixture
def usd(trader):
    give(trader, "1000", "USD")
    return Asset.objects.get(symbol="USD")


@pytest.fixture
def at_venue(venue, trader):
    """The trader has an account at the venue."""
    assert client.submit(venue.group_id, kernel.open_account(ACCOUNT, owner=trader.pk)).code == 0
    return venue


def finished(transfer):
    wait_until(
        lambda: Transfer.objects.exclude(state=TransferState.REQUESTED).filter(pk=transfer.pk).exists()
    )
    transfer.refresh_from_db()
    return transfer


def balance_at(venue, asset):
    rows = ask(venue.group_id, {"q": "account", "account": ACCOUNT})["balances"]
    return next((row["total"] for row in rows if row["asset"] == asset.pk), 0)


def test_there_and_back(at_venue, trader, usd):
    there = finished(start_deposit(trader, at_venue, ACCOUNT, usd, 600 * USD))
    assert (there.state, balance_at(at_venue, usd)) == (TransferState.SETTLED, 600 * USD)
    back = finished(start_withdrawal(trader, at_venue, ACCOUNT, usd, 250 * USD))
    assert (back.state, balance_at(at_venue, usd)) == (TransferState.SETTLED, 350 * USD)
    assert wallet_balance(trader.pk, usd) == 650 * USD
    report = check_ledger(kernel_totals)
    assert (report.faults, report.groups) == ([], 1)


def test_the_same_transfer_sent_many_times_acts_once(at_venue, trader, usd):
    there = finished(start_deposit(trader, at_venue, ACCOUNT, usd, 100 * USD))
    done = picture()
    for _ in range(3):
        client.submit(at_venue.group_id, transfer_command(there))
    client.submit_packed(at_venue.group_id, transfer_command(there) * 5, 5)
    assert picture() == done
    assert balance_at(at_venue, usd) == 100 * USD
    assert check_ledger(kernel_totals).sound


def test_a_transfer_whose_first_message_was_lost_is_sent_again(at_venue, trader, usd):
    lost = request_deposit(trader, at_venue.group_id, ACCOUNT, usd, 5 * USD)
    assert [row.pk for row in pending_transfers()] == [lost.pk]
    assert send_transfers(pending_transfers()) == 1
    assert finished(lost).state == TransferState.SETTLED
    assert pending_transfers() == []
    assert check_ledger(kernel_totals).sound


def test_a_refused_deposit_comes_back_with_its_reason(venue, trader, usd):
    there = finished(start_deposit(trader, venue, 999, usd, 5 * USD))
    assert there.state == TransferState.REFUSED
    assert refusal_text(there) == kernel.REJECTS[there.code][1] != ""
    assert wallet_balance(trader.pk, usd) == 1000 * USD
    assert check_ledger(kernel_totals).sound


def test_a_withdrawal_beyond_the_balance_moves_nothing(at_venue, trader, usd):
    finished(start_deposit(trader, at_venue, ACCOUNT, usd, 10 * USD))
    before = picture()
    back = finished(start_withdrawal(trader, at_venue, ACCOUNT, usd, 11 * USD))
    assert back.state == TransferState.REFUSED
    assert picture()[:3] == before[:3]
    assert balance_at(at_venue, usd) == 10 * USD


def test_an_asset_the_venue_does_not_trade_is_refused(at_venue, trader):
    give(trader, "1", "ETH")
    eth = Asset.objects.get(symbol="ETH")
    before = picture()
    for start in (start_deposit, start_withdrawal):
        with pytest.raises(DomainError) as refused:
            start(trader, at_venue, ACCOUNT, eth, 1)
        assert refused.value.message == "North Exchange has no market in ETH; choose an asset it trades."
    assert picture() == before


def test_a_halted_venue_takes_no_deposits_but_pays_out(at_venue, deployer, trader, usd):
    finished(start_deposit(trader, at_venue, ACCOUNT, usd, 10 * USD))
    halted = halt_venue(deployer, at_venue)
    before = picture()
    with pytest.raises(DomainError) as refused:
        start_deposit(trader, halted, ACCOUNT, usd, USD)
    assert refused.value.message == "North Exchange is halted and takes no deposits; withdrawals stay open."
    assert picture() == before
    assert finished(start_withdrawal(trader, halted, ACCOUNT, usd, 10 * USD)).state == TransferState.SETTLED
