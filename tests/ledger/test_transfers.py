"""Transfers between wallets and risk groups settle exactly once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, PostingKind, Transfer, TransferState
from exchange_os.ledger.selectors import balance, pending_transfers, wallet_balance
from exchange_os.ledger.services import (
    Movement,
    check_ledger,
    post_transfers,
    request_deposit,
    request_withdrawal,
    settle_transfers,
)
from exchange_os.ledger.services.postings import in_transit as road
from exchange_os.ledger.services.postings import wallet
from tests.ledger.books import picture

pytestmark = pytest.mark.django_db
GROUP, ACCOUNT = 7, 16


def in_transit(user, asset):
    return balance(AccountKind.IN_TRANSIT, user.pk, asset.pk)


def escrow(asset, group=GROUP):
    return balance(AccountKind.ESCROW, group, asset.pk)


def answer(transfer, accepted=True, code=0, **other):
    sign = 1 if transfer.direction == "deposit" else -1
    row = {
        "id": transfer.pk,
        "account": transfer.account,
        "asset": transfer.asset_id,
        "amount": sign * transfer.amount,
        "accepted": accepted,
        "code": code,
        **other,
    }
    return tuple(row.values())


@pytest.fixture
def deposit(maker, usd, fund):
    fund(maker, usd, 1000)
    return request_deposit(maker, GROUP, ACCOUNT, usd, 600)


def test_a_requested_deposit_is_in_transit(deposit, maker, usd):
    assert (wallet_balance(maker.pk, usd), in_transit(maker, usd), escrow(usd)) == (400, 600, 0)
    assert [row.pk for row in pending_transfers()] == [deposit.pk]
    assert pending_transfers(timedelta(minutes=1)) == []
    assert check_ledger().sound


def test_an_accepted_deposit_reaches_escrow_once(deposit, maker, usd):
    assert settle_transfers(GROUP, [answer(deposit)]) == 1
    done = picture()
    assert (wallet_balance(maker.pk, usd), in_transit(maker, usd), escrow(usd)) == (400, 0, 600)
    for again in (answer(deposit), answer(deposit, accepted=False, code=304)):
        assert settle_transfers(GROUP, [again]) == 0
        assert picture() == done
    assert pending_transfers() == []
    assert check_ledger(lambda group: {usd.pk: 600}).sound


def test_a_refused_deposit_returns_to_the_wallet(deposit, maker, usd):
    assert settle_transfers(GROUP, [answer(deposit, accepted=False, code=205)]) == 1
    deposit.refresh_from_db()
    assert (deposit.state, deposit.code) == (TransferState.REFUSED, 205)
    assert (wallet_balance(maker.pk, usd), in_transit(maker, usd), escrow(usd)) == (1000, 0, 0)
    assert settle_transfers(GROUP, [answer(deposit)]) == 0
    assert check_ledger(lambda group: {}).sound


def test_accepted_wins_over_its_own_duplicates_in_one_batch(deposit, usd):
    duplicate = answer(deposit, accepted=False, code=304)
    assert settle_transfers(GROUP, [duplicate, answer(deposit), duplicate]) == 1
    assert escrow(usd) == 600


@pytest.mark.parametrize(
    "wrong", [{"amount": 601}, {"amount": -600}, {"account": 17}, {"asset": 10**9}, {"id": 10**12}]
)
def test_an_answer_to_something_else_moves_nothing(deposit, wrong):
    before = picture()
    assert settle_transfers(GROUP, [answer(deposit, **wrong)]) == 0
    assert settle_transfers(GROUP + 1, [answer(deposit)]) == 0
    assert picture() == before


def test_a_withdrawal_moves_nothing_until_the_kernel_accepts(deposit, maker, usd):
    settle_transfers(GROUP, [answer(deposit)])
    before = picture()
    back = request_withdrawal(maker, GROUP, ACCOUNT, usd, 250)
    assert picture()[:3] == before[:3]
    assert settle_transfers(GROUP, [answer(back)]) == 1
    assert settle_transfers(GROUP, [answer(back)]) == 0
    assert (wallet_balance(maker.pk, usd), escrow(usd)) == (650, 350)
    assert check_ledger(lambda group: {usd.pk: 350}).sound


def test_a_refused_withdrawal_moves_nothing(deposit, maker, usd):
    settle_transfers(GROUP, [answer(deposit)])
    back = request_withdrawal(maker, GROUP, ACCOUNT, usd, 250)
    before = picture()
    assert settle_transfers(GROUP, [answer(back, accepted=False, code=210)]) == 1
    assert picture()[:3] == before[:3]
    assert Transfer.objects.get(pk=back.pk).state == TransferState.REFUSED


def test_a_batch_that_is_rolled_back_leaves_the_transfer_on_its_way(deposit, usd):
    before = picture()
    with pytest.raises(RuntimeError), transaction.atomic():
        settle_transfers(GROUP, [answer(deposit)])
        assert escrow(usd) == 600
        raise RuntimeError("the journal was refused")
    assert picture() == before
    assert settle_transfers(GROUP, [answer(deposit)]) == 1


def test_it_joins_the_transaction_of_a_given_cursor(deposit, usd):
    with transaction.atomic(), connection.cursor() as cursor:
        assert settle_transfers(GROUP, [answer(deposit)], cursor) == 1
    assert escrow(usd) == 600


def test_a_thousand_transfers_settle_with_a_handful_of_statements(
    maker, taker, usd, okb, fund, django_assert_max_num_queries
):
    for user in (maker, taker):
        fund(user, usd, 10_000)
        fund(user, okb, 10_000)
    requested = Transfer.objects.bulk_create(
        Transfer(
            direction="deposit",
            user=(maker, taker)[n % 2],
            group_id=GROUP,
            account=ACCOUNT + n % 2,
            asset=(usd, okb)[n // 2 % 2],
            amount=10,
            issued_ms=1,
        )
        for n in range(1000)
    )
    post_transfers(
        [
            Movement(
                PostingKind.SEND,
                wallet(row.user_id, row.asset_id),
                road(row.user_id, row.asset_id),
                10,
                row.pk,
            )
            for row in requested
        ]
    )
    with django_assert_max_num_queries(12):
        assert settle_transfers(GROUP, [answer(row) for row in requested]) == 1000
    assert (escrow(usd), escrow(okb)) == (5000, 5000)
    assert check_ledger(lambda group: {usd.pk: 5000, okb.pk: 5000}).sound


def test_a_deposit_beyond_the_wallet_is_refused(maker, usd, fund):
    fund(maker, usd, 1_500_000)
    before = picture()
    with pytest.raises(DomainError) as refused:
        request_deposit(maker, GROUP, ACCOUNT, usd, 1_500_001)
    assert (refused.value.code, refused.value.field) == ("insufficient_funds", "amount")
    assert refused.value.message == "Your wallet holds 1.5 USD; lower the amount."
    assert picture() == before


@pytest.mark.parametrize("amount", [0, -5, 2**63])
@pytest.mark.parametrize("request_transfer", [request_deposit, request_withdrawal])
def test_an_amount_out_of_range_is_refused(maker, usd, request_transfer, amount):
    before = picture()
    with pytest.raises(DomainError) as refused:
        request_transfer(maker, GROUP, ACCOUNT, usd, amount)
    assert refused.value.code == "amount_invalid"
    assert picture() == before


@pytest.mark.parametrize(
    "change",
    [{"state": "requested"}, {"state": "refused"}, {"amount": 1}, {"state": "settled", "user_id": 1}],
)
def test_postgresql_refuses_to_change_a_finished_transfer(deposit, change):
    settle_transfers(GROUP, [answer(deposit)])
    before = picture()
    with pytest.raises(IntegrityError, match="cannot change"), transaction.atomic():
        Transfer.objects.filter(pk=deposit.pk).update(**change)
    assert picture() == before


def test_a_kernel_that_pays_more_than_its_escrow_is_a_broken_invariant(deposit, maker, usd):
    settle_transfers(GROUP, [answer(deposit)])
    back = request_withdrawal(maker, GROUP, ACCOUNT, usd, 601)
    before = picture()
    with pytest.raises(IntegrityError, match="more than its escrow holds"):
        settle_transfers(GROUP, [answer(back)])
    assert picture() == before
