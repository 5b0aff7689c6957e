"""``check_ledger`` names what does not hold."""

import pytest
from django.db import connection

from exchange_os.ledger.models import LedgerAccount, Transfer
from exchange_os.ledger.services import check_ledger, request_deposit, settle_transfers

pytestmark = pytest.mark.django_db(transaction=True)
GROUP = 7


@pytest.fixture
def settled(maker, usd, fund):
    fund(maker, usd, 1000)
    transfer = request_deposit(maker, GROUP, 16, usd, 600)
    settle_transfers(GROUP, [(transfer.pk, 16, usd.pk, 600, True, 0)])
    return transfer


def unguarded(table, sql):
    """Does what only the owner of the tables can do, by setting the guards aside."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_sound_books(settled, usd):
    report = check_ledger(lambda group: {usd.pk: 600})
    assert (report.faults, report.accounts, report.entries, report.groups) == ([], 4, 6, 1)


def test_a_balance_that_was_edited(settled, maker):
    wallet = LedgerAccount.objects.get(kind="wallet", owner_id=maker.pk)
    unguarded("ledger_ledgeraccount", f"UPDATE ledger_ledgeraccount SET balance = 401 WHERE id = {wallet.pk}")
    assert check_ledger().faults == [
        f"Account {wallet.pk} (wallet of {maker.pk}, asset {wallet.asset_id}) holds 401; its entries sum to 400."
    ]


def test_an_entry_that_was_edited(settled):
    unguarded(
        "ledger_entry",
        "UPDATE ledger_entry SET amount = amount + 1 WHERE id = (SELECT max(id) FROM ledger_entry)",
    )
    faults = check_ledger().faults
    assert len(faults) == 2
    assert faults[0].endswith("sums to 1, not zero.")


def test_a_deposit_that_was_forgotten(settled, maker, usd):
    transfer = request_deposit(maker, GROUP, 16, usd, 50)
    unguarded("ledger_transfer", f"UPDATE ledger_transfer SET state = 'settled' WHERE id = {transfer.pk}")
    assert check_ledger().faults == [
        f"User {maker.pk} has 50 of asset {usd.pk} in transit; deposits on their way carry 0."
    ]
    assert Transfer.objects.count() == 2


def test_a_kernel_that_holds_something_else(settled, usd):
    assert check_ledger(lambda group: {usd.pk: 599}).faults == [
        f"Risk group {GROUP}: escrow of asset {usd.pk} is 600, its kernel holds 599."
    ]


def test_money_that_moves_between_the_two_readings_is_no_fault(settled, usd):
    totals = iter([599, 599, 600])
    assert check_ledger(lambda group: {usd.pk: next(totals)}).sound
