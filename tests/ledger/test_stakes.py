"""Stake comes in at once, leaves through unbonding, and not while a case is open."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, InternalError, connection, connections, transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, LedgerAccount, StakeRelease
from exchange_os.ledger.selectors import balance, stake_balance, stake_history, wallet_balance
from exchange_os.ledger.services import (
    add_stake,
    begin_unbonding,
    check_ledger,
    claim_release,
    finish_matured,
    finish_unbonding,
    lift_hold,
    place_hold,
)
from exchange_os.ledger.services import stakes as stakes_module
from tests.ledger.books import picture
from tests.ledger.test_check import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture
def staked(maker, okb, fund):
    """A deployer with 1,000 units at stake."""
    fund(maker, okb, 1000)
    add_stake(maker, 1000)
    return maker


@pytest.fixture
def after_days(monkeypatch):
    """Sets the clock of stakes forward."""

    def forward(days):
        now = timezone.now() + timedelta(days=days)
        monkeypatch.setattr(stakes_module.timezone, "now", lambda: now)

    return forward


def where(user, okb):
    """Wallet, stake, unbonding."""
    return (
        wallet_balance(user.pk, okb),
        stake_balance(user.pk),
        balance(AccountKind.UNBONDING, user.pk, okb.pk),
    )


def refusal(act, *args):
    before = picture(), sorted(StakeRelease.objects.values_list("pk", "state", "slashed"))
    with pytest.raises(DomainError) as refused:
        act(*args)
    assert (picture(), sorted(StakeRelease.objects.values_list("pk", "state", "slashed"))) == before
    return refused.value


def test_stake_is_seven_days_on_its_way(staked, okb, after_days):
    release = begin_unbonding(staked.pk, 400)
    assert where(staked, okb) == (0, 600, 400)
    assert release.matures_at - release.requested_at == timedelta(days=7)
    early = refusal(claim_release, staked.pk, release.pk)
    assert early.code == "unbonding_not_over"
    assert f"{release.matures_at:%-d %B %Y %H:%M} UTC" in early.message
    assert finish_matured() == 0
    after_days(7)
    assert finish_matured() == 1
    assert where(staked, okb) == (400, 600, 0)
    assert finish_matured() == 0
    assert finish_unbonding(release.pk).state == "returned"
    assert where(staked, okb) == (400, 600, 0)
    assert [(e.posting.kind, e.account.kind, e.amount) for e in stake_history(staked.pk)] == [
        ("release_stake", "unbonding", -400),
        ("unbond", "unbonding", 400),
        ("unbond", "stake", -400),
        ("stake", "stake", 1000),
    ]
    assert check_ledger().sound


def test_a_claim_is_the_deployers_own(staked, taker, okb, after_days):
    release = begin_unbonding(staked.pk, 400)
    after_days(7)
    assert refusal(claim_release, taker.pk, release.pk).code == "release_unknown"
    assert claim_release(staked.pk, release.pk).state == "returned"
    assert where(staked, okb) == (400, 600, 0)


def test_no_more_leaves_than_is_at_stake(staked):
    refused = refusal(begin_unbonding, staked.pk, 1001)
    assert (refused.code, refused.field) == ("insufficient_funds", "amount")
    assert refused.message == "You have 0.00001 OKB at stake; release less."
    for amount in (0, -1, 2**63):
        assert refusal(begin_unbonding, staked.pk, amount).code == "amount_invalid"


def test_nothing_leaves_while_a_case_is_open(staked, okb, after_days):
    release = begin_unbonding(staked.pk, 400)
    place_hold(staked.pk, "17", "Its price source deviated.")
    place_hold(staked.pk, "17", "Said twice.")
    place_hold(staked.pk, "18", "Another case.")
    refused = refusal(begin_unbonding, staked.pk, 1)
    assert refused.code == "stake_held"
    assert refused.message == "Case 17 is open against you; your stake cannot leave until it is closed."
    after_days(8)
    assert refusal(claim_release, staked.pk, release.pk).code == "stake_held"
    assert finish_matured() == 0
    assert lift_hold(staked.pk, "17")
    assert not lift_hold(staked.pk, "17")
    assert refusal(claim_release, staked.pk, release.pk).details["case"] == "18"
    assert lift_hold(staked.pk, "18")
    assert finish_matured() == 1
    assert where(staked, okb) == (400, 600, 0)


@pytest.mark.django_db(transaction=True)
def test_many_that_finish_a_release_pay_it_once(staked, okb, settings):
    settings.UNBONDING_DAYS = 0
    release = begin_unbonding(staked.pk, 400)

    def finish(_):
        try:
            finish_unbonding(release.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(finish, range(6)))
    assert where(staked, okb) == (400, 600, 0)
    assert check_ledger().sound


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_stakerelease SET amount = 1",
        "UPDATE ledger_stakerelease SET matures_at = now()",
        "UPDATE ledger_stakerelease SET slashed = amount",
        "UPDATE ledger_stakerelease SET state = 'slashed', finished_at = now()",
        "DELETE FROM ledger_stakerelease",
        "UPDATE ledger_stakehold SET reason = 'other', lifted_at = now()",
        "DELETE FROM ledger_stakehold",
        "TRUNCATE ledger_slash",
    ],
)
def test_the_database_refuses_what_no_service_does(staked, sql):
    begin_unbonding(staked.pk, 400)
    place_hold(staked.pk, "17", "A case.")
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
def test_the_check_misses_stake_that_was_paid_out_by_hand(staked, okb):
    begin_unbonding(staked.pk, 400)
    assert check_ledger().sound
    unguarded("ledger_stakerelease", "UPDATE ledger_stakerelease SET state = 'returned', finished_at = now()")
    assert check_ledger().faults == [
        f"User {staked.pk} staked 1000 of asset {okb.pk}: 1000 held, 0 returned, 0 slashed (slashes say 0), "
        "0 in or lost to disputes, 400 of it unbonding (releases say 0)."
    ]
    assert LedgerAccount.objects.get(kind="unbonding").balance == 400
