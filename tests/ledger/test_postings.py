"""Money moves by ``post_transfers`` only, and never out of nothing."""

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, Entry, LedgerAccount, Posting, PostingKind
from exchange_os.ledger.selectors import MAX_UNITS, balance, wallet_balance
from exchange_os.ledger.services import Movement, check_ledger, post_transfer, post_transfers
from exchange_os.ledger.services.postings import external, stake_of, wallet
from tests.ledger.books import picture

pytestmark = pytest.mark.django_db


def test_a_transfer_is_two_entries_that_sum_to_zero(maker, usd):
    posting = post_transfer(PostingKind.FAUCET, external(usd.pk), wallet(maker.pk, usd.pk), 500)
    assert sorted(Entry.objects.filter(posting_id=posting).values_list("amount", flat=True)) == [-500, 500]
    assert wallet_balance(maker.pk, usd) == 500
    assert balance(AccountKind.EXTERNAL, 0, usd.pk) == -500
    assert check_ledger().sound


def test_more_than_the_account_holds_is_refused_and_nothing_moves(maker, taker, usd, fund):
    fund(maker, usd, 100)
    before = picture()
    with pytest.raises(DomainError) as refused:
        post_transfer(PostingKind.STAKE, wallet(maker.pk, usd.pk), wallet(taker.pk, usd.pk), 101)
    assert refused.value.code == "insufficient_funds"
    assert refused.value.message == "The wallet holds less than that; lower the amount or add funds."
    assert refused.value.details["available"] == 100
    assert picture() == before


def test_many_movements_are_one_and_count_together(maker, taker, usd, fund):
    fund(maker, usd, 100)
    ids = post_transfers(
        [
            Movement(PostingKind.SEND, wallet(maker.pk, usd.pk), wallet(taker.pk, usd.pk), 80, memo="first"),
            Movement(
                PostingKind.STAKE, wallet(taker.pk, usd.pk), stake_of(maker.pk, usd.pk), 70, memo="second"
            ),
        ]
    )
    assert [Posting.objects.get(pk=pk).memo for pk in ids] == ["first", "second"]
    assert (wallet_balance(maker.pk, usd), wallet_balance(taker.pk, usd)) == (20, 10)
    assert balance(AccountKind.STAKE, maker.pk, usd.pk) == 70
    assert check_ledger().sound


def test_one_movement_that_fails_undoes_all(maker, taker, usd, fund):
    fund(maker, usd, 100)
    before = picture()
    with pytest.raises(DomainError):
        post_transfers(
            [
                Movement(PostingKind.SEND, wallet(maker.pk, usd.pk), stake_of(maker.pk, usd.pk), 100),
                Movement(PostingKind.SEND, wallet(taker.pk, usd.pk), stake_of(taker.pk, usd.pk), 1),
            ]
        )
    assert picture() == before


def test_a_balance_beyond_64_bits_is_refused(maker, usd, fund):
    fund(maker, usd, MAX_UNITS)
    before = picture()
    with pytest.raises(DomainError) as refused:
        fund(maker, usd, 1)
    assert refused.value.code == "amount_too_large"
    assert picture() == before


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_that_is_not_positive_is_a_broken_invariant(maker, usd, amount):
    with pytest.raises(AssertionError):
        post_transfer(PostingKind.FAUCET, external(usd.pk), wallet(maker.pk, usd.pk), amount)


REFUSED_SQL = [
    "UPDATE ledger_entry SET amount = amount * 2",
    "DELETE FROM ledger_entry",
    "TRUNCATE ledger_entry CASCADE",
    "UPDATE ledger_posting SET memo = 'x'",
    "DELETE FROM ledger_posting",
    "TRUNCATE ledger_posting CASCADE",
    "UPDATE ledger_ledgeraccount SET balance = balance + 1",
    "UPDATE ledger_ledgeraccount SET owner_id = owner_id + 1",
    "DELETE FROM ledger_ledgeraccount",
    "TRUNCATE ledger_ledgeraccount CASCADE",
    "INSERT INTO ledger_ledgeraccount (kind, owner_id, asset_id, balance) SELECT 'wallet', 99, asset_id, 5"
    " FROM ledger_ledgeraccount LIMIT 1",
]


@pytest.mark.parametrize("sql", REFUSED_SQL)
def test_postgresql_refuses_to_rewrite_the_books(maker, usd, fund, sql):
    fund(maker, usd, 100)
    before = picture()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
            cursor.execute(sql)
    assert picture() == before


def test_postgresql_refuses_a_posting_that_does_not_sum_to_zero(maker, usd, fund):
    fund(maker, usd, 100)
    before = picture()
    account = LedgerAccount.objects.get(kind=AccountKind.WALLET, owner_id=maker.pk)
    with pytest.raises(IntegrityError, match="does not sum to zero"), transaction.atomic():
        posting = Posting.objects.create(kind=PostingKind.FAUCET)
        Entry.objects.create(posting=posting, account=account, amount=7)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert picture() == before


def test_postgresql_refuses_a_negative_wallet(maker, taker, usd, fund):
    fund(maker, usd, 100)
    before = picture()
    accounts = {row.kind: row for row in LedgerAccount.objects.filter(asset=usd)}
    with pytest.raises(IntegrityError, match="ledger_account_not_negative"), transaction.atomic():
        posting = Posting.objects.create(kind=PostingKind.FAUCET)
        Entry.objects.bulk_create(
            [
                Entry(posting=posting, account=accounts["wallet"], amount=-101),
                Entry(posting=posting, account=accounts["external"], amount=101),
            ]
        )
    assert picture() == before
