"""No sequence of operations, and no number of them at once, breaks conservation or makes a balance negative."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, LedgerAccount, PostingKind, Transfer
from exchange_os.ledger.services import (
    add_stake,
    begin_unbonding,
    check_ledger,
    finish_matured,
    post_transfer,
    request_deposit,
    request_withdrawal,
    settle_transfers,
)
from exchange_os.ledger.services.postings import external, wallet

GROUPS = (1, 2)
USERS = st.integers(0, 2)
AMOUNTS = st.integers(1, 2000)


class Books(RuleBasedStateMachine):
    """The ledger beside a model of it: two dictionaries of balances and of what is on its way."""

    transfers = Bundle("transfers")

    @initialize()
    def open_books(self) -> None:
        self.frame = transaction.atomic()
        self.frame.__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.asset = Asset.objects.get(symbol="OKB")
        self.users = [get_user_model().objects.create_user(f"user{n}") for n in range(3)]
        self.balances: Counter[tuple[str, int]] = Counter()
        self.pending: dict[int, Transfer] = {}

    def teardown(self) -> None:
        if hasattr(self, "frame"):
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)

    def move(self, source: tuple[str, int], target: tuple[str, int], amount: int) -> None:
        self.balances[source] -= amount
        self.balances[target] += amount

    def allowed(self, source: tuple[str, int], amount: int) -> bool:
        return self.balances[source] >= amount

    @rule(user=USERS, amount=AMOUNTS)
    def fund(self, user: int, amount: int) -> None:
        pk = self.users[user].pk
        post_transfer(PostingKind.FAUCET, external(self.asset.pk), wallet(pk, self.asset.pk), amount)
        self.move(("external", 0), ("wallet", pk), amount)

    @rule(user=USERS, amount=AMOUNTS, back=st.booleans())
    def stake(self, user: int, amount: int, back: bool) -> None:
        pk = self.users[user].pk
        source, target = [("stake", pk), ("unbonding", pk)] if back else [("wallet", pk), ("stake", pk)]
        expected = self.allowed(source, amount)
        try:
            begin_unbonding(pk, amount) if back else add_stake(self.users[user], amount)
        except DomainError as refused:
            assert refused.code == "insufficient_funds" and not expected
        else:
            assert expected
            self.move(source, target, amount)

    @rule(target=transfers, user=USERS, group=st.sampled_from(GROUPS), amount=AMOUNTS)
    def send(self, user: int, group: int, amount: int):
        pk = self.users[user].pk
        expected = self.allowed(("wallet", pk), amount)
        try:
            transfer = request_deposit(self.users[user], group, 16, self.asset, amount)
        except DomainError:
            assert not expected
            return multiple()
        assert expected
        self.move(("wallet", pk), ("in_transit", pk), amount)
        self.pending[transfer.pk] = transfer
        return transfer

    @rule(target=transfers, user=USERS, group=st.sampled_from(GROUPS), amount=AMOUNTS)
    def ask_back(self, user: int, group: int, amount: int) -> Transfer:
        transfer = request_withdrawal(self.users[user], group, 16, self.asset, amount)
        self.pending[transfer.pk] = transfer
        return transfer

    @rule(transfer=transfers, accepted=st.booleans(), repeats=st.integers(1, 3), crash=st.booleans())
    def settle(self, transfer: Transfer, accepted: bool, repeats: int, crash: bool) -> None:
        deposit = transfer.direction == "deposit"
        # A kernel holds what was deposited, so it never accepts a withdrawal beyond the escrow.
        accepted = accepted and (deposit or self.allowed(("escrow", transfer.group_id), transfer.amount))
        signed = transfer.amount if deposit else -transfer.amount
        answer = (transfer.pk, transfer.account, self.asset.pk, signed, accepted, 0 if accepted else 205)
        with transaction.atomic():
            for _ in range(repeats):
                settle_transfers(transfer.group_id, [answer] * repeats)
            if crash:
                transaction.set_rollback(True)
                return
        if self.pending.pop(transfer.pk, None) is None:
            return
        road, home = ("in_transit", transfer.user_id), ("wallet", transfer.user_id)
        vault = ("escrow", transfer.group_id)
        if deposit:
            self.move(road, vault if accepted else home, transfer.amount)
        elif accepted:
            self.move(vault, home, transfer.amount)

    @invariant()
    def books_hold(self) -> None:
        if not hasattr(self, "asset"):
            return
        rows = LedgerAccount.objects.exclude(balance=0).values_list("kind", "owner_id", "balance")
        assert {(kind, owner): units for kind, owner, units in rows} == {
            key: units for key, units in self.balances.items() if units
        }
        assert sum(self.balances.values()) == 0
        assert all(units >= 0 for (kind, _), units in self.balances.items() if kind != "external")
        report = check_ledger(lambda group: {self.asset.pk: self.balances[("escrow", group)]})
        assert report.sound, report.faults


@pytest.mark.django_db
def test_no_sequence_of_operations_breaks_the_books():
    run_state_machine_as_test(
        Books,
        settings=hypothesis_settings(
            max_examples=15, stateful_step_count=25, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def one_of_many(seed: int, user_ids: list[int], asset: Asset, steps: int) -> Counter[str]:
    """A thread's random operations on accounts that all threads share; what it saw."""
    chance = random.Random(seed)
    users = list(get_user_model().objects.filter(pk__in=user_ids).order_by("pk"))
    seen: Counter[str] = Counter()
    try:
        for _ in range(steps):
            user, group, amount = chance.choice(users), chance.choice(GROUPS), chance.randint(1, 400)
            try:
                match chance.randrange(6):
                    case 0:
                        add_stake(user, amount)
                    case 1:
                        begin_unbonding(user.pk, amount)
                    case 2:
                        request_deposit(user, group, 16, asset, amount)
                    case 3:
                        post_transfer(
                            PostingKind.FAUCET, external(asset.pk), wallet(user.pk, asset.pk), amount
                        )
                    case 4:
                        # As an engine does, and sometimes as two that answer the same transfers at once.
                        rows = Transfer.objects.filter(state="requested", group_id=group).order_by("?")[:5]
                        settle_transfers(
                            group,
                            [
                                (row.pk, row.account, asset.pk, row.amount, chance.random() < 0.7, 205)
                                for row in rows
                            ],
                        )
                    case 5:
                        finish_matured()
                seen["done"] += 1
            except DomainError as refused:
                seen[refused.code] += 1
    finally:
        connections.close_all()
    return seen


@pytest.mark.django_db(transaction=True)
def test_no_number_of_threads_breaks_the_books(settings):
    settings.UNBONDING_DAYS = 0
    asset = Asset.objects.get(symbol="OKB")
    users = [get_user_model().objects.create_user(f"user{n}").pk for n in range(3)]
    with ThreadPoolExecutor(8) as pool:
        seen = sum(pool.map(lambda seed: one_of_many(seed, users, asset, 40), range(8)), Counter())
    assert set(seen) <= {"done", "insufficient_funds"}
    assert seen["done"] > 100
    report = check_ledger()
    assert report.sound, report.faults
    settled = sum(Transfer.objects.filter(state="settled").values_list("amount", flat=True))
    escrow = sum(LedgerAccount.objects.filter(kind="escrow").values_list("balance", flat=True))
    assert settled == escrow


@pytest.mark.django_db(transaction=True)
def test_accounts_come_into_being_once_under_concurrency():
    asset = Asset.objects.get(symbol="OKB")

    def fund_all(order: int) -> None:
        owners = list(range(100, 120))
        random.Random(order).shuffle(owners)
        try:
            for owner in owners:
                post_transfer(PostingKind.FAUCET, external(asset.pk), wallet(owner, asset.pk), 1)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fund_all, range(8)))
    wallets = LedgerAccount.objects.filter(kind="wallet").values_list("balance", flat=True)
    assert list(wallets) == [8] * 20
    assert check_ledger().sound
