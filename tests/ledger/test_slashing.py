"""Stake is slashed once an offence, as far as the offence reaches, and paid to the harmed first."""

from collections import Counter

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, InternalError, connection, transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, Asset, LedgerAccount, PostingKind, Slash, StakeRelease
from exchange_os.ledger.selectors import balance, burned_units, stake_balance, wallet_balance
from exchange_os.ledger.services import (
    add_stake,
    begin_unbonding,
    check_ledger,
    claim_release,
    lift_hold,
    place_hold,
    post_transfer,
    slash,
    slashable,
)
from exchange_os.ledger.services.postings import burned, external, wallet
from tests.ledger.books import picture

GROUP = 7


@pytest.fixture
def staked(maker, okb, fund):
    """A deployer with 1,000 units at stake."""
    fund(maker, okb, 1000)
    add_stake(maker, 1000)
    return maker


@pytest.fixture
def other(db):
    return get_user_model().objects.create_user("other", "other@example.com")


def punish(user, amount, **changes):
    """A slash for an offence of now that goes to insurance, unless said otherwise."""
    asked = {"offence_at": timezone.now(), "offence_id": "case 1", "insurance_group": GROUP} | changes
    return slash(user.pk, amount, **asked)


def refusal(user, amount, **changes):
    before = picture(), Slash.objects.count(), sorted(StakeRelease.objects.values_list("pk", "slashed"))
    with pytest.raises(DomainError) as refused:
        punish(user, amount, **changes)
    after = picture(), Slash.objects.count(), sorted(StakeRelease.objects.values_list("pk", "slashed"))
    assert after == before
    return refused.value


@pytest.mark.django_db
def test_the_harmed_come_first_then_insurance_then_fire(staked, taker, other, okb):
    made = punish(staked, 700, payments=[(taker.pk, 300), (other.pk, 100), (taker.pk, 1)], burn=200)
    assert (made.to_harmed, made.to_insurance, made.burned) == (401, 99, 200)
    assert (wallet_balance(taker.pk, okb), wallet_balance(other.pk, okb)) == (301, 100)
    assert balance(AccountKind.INSURANCE, GROUP, okb.pk) == 99
    assert burned_units(okb) == 200
    assert (stake_balance(staked.pk), wallet_balance(staked.pk, okb)) == (300, 0)
    assert check_ledger().sound


@pytest.mark.django_db
def test_an_offence_is_slashed_once(staked, taker):
    first = punish(staked, 700)
    before = picture()
    assert punish(staked, 700).pk == first.pk
    assert refusal(staked, 100).code == "offence_slashed"
    assert picture() == before


@pytest.mark.django_db
def test_live_stake_goes_first_then_the_newest_release(staked, okb):
    old, new = begin_unbonding(staked.pk, 300), begin_unbonding(staked.pk, 200)
    punish(staked, 750)
    left = {r.pk: (r.slashed, r.state) for r in StakeRelease.objects.all()}
    assert left == {old.pk: (50, "unbonding"), new.pk: (200, "slashed")}
    assert (stake_balance(staked.pk), balance(AccountKind.UNBONDING, staked.pk, okb.pk)) == (0, 250)
    assert check_ledger().sound


@pytest.mark.django_db
def test_what_does_not_add_up_is_refused(staked, taker):
    assert refusal(staked, 100, payments=[(taker.pk, 101)]).code == "slash_invalid"
    assert refusal(staked, 100, payments=[(taker.pk, 60)], burn=41).code == "slash_invalid"
    assert refusal(staked, 100, payments=[(staked.pk, 1)]).code == "slash_invalid"
    assert refusal(staked, 100, payments=[(taker.pk, -1)]).code == "slash_invalid"
    assert refusal(staked, 100, payments=[(10**9, 1)]).code == "slash_invalid"
    assert refusal(staked, 100, insurance_group=None).code == "slash_invalid"
    assert refusal(staked, 0).code == "slash_invalid"
    assert refusal(staked, 100, offence_id="").code == "slash_invalid"
    too_large = refusal(staked, 1001)
    assert (too_large.code, too_large.details["slashable"]) == ("slash_too_large", 1000)


@pytest.mark.django_db(transaction=True)
def test_an_offence_reaches_what_was_bonded_then(maker, okb, fund, settings):
    before_all = timezone.now()
    fund(maker, okb, 2000)
    settings.UNBONDING_DAYS = 0
    add_stake(maker, 1000)
    matured = begin_unbonding(maker.pk, 100)
    settings.UNBONDING_DAYS = 7
    begin_unbonding(maker.pk, 200)
    offence = timezone.now()
    assert matured.matures_at <= offence
    begin_unbonding(maker.pk, 300)
    assert slashable(maker.pk, before_all) == 0
    assert slashable(maker.pk, offence) == 900  # all but what was out of its bond by then
    add_stake(maker, 500)
    assert slashable(maker.pk, offence) == 900  # what came later stands for later offences
    assert slashable(maker.pk, timezone.now()) == 1400
    slash(maker.pk, 600, offence_at=offence, offence_id="case 1", insurance_group=GROUP)
    assert slashable(maker.pk, offence) == 300
    assert slashable(maker.pk, timezone.now()) == 800
    claim_release(maker.pk, matured.pk)
    assert wallet_balance(maker.pk, okb) == 600
    assert check_ledger().sound


@pytest.mark.django_db
def test_a_slash_is_never_rewritten_and_burned_money_stays_burned(staked, okb):
    punish(staked, 100, insurance_group=None, burn=100)
    for sql in ("UPDATE ledger_slash SET amount = 1", "DELETE FROM ledger_slash"):
        with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
            connection.cursor().execute(sql)
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
        post_transfer(PostingKind.SEND, burned(okb.pk), wallet(staked.pk, okb.pk), 1)
    assert burned_units(okb) == 100


DEPLOYERS = st.integers(0, 1)
UNITS = st.integers(1, 1500)


class Bonds(RuleBasedStateMachine):
    """The stakes of two deployers beside a model: per account a number, per release what remains of it."""

    @initialize()
    def open_books(self) -> None:
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.okb = Asset.objects.get(symbol="OKB")
        self.users = [get_user_model().objects.create_user(f"user{n}") for n in range(3)]
        self.balances: Counter[tuple[str, int]] = Counter()
        self.releases: dict[int, tuple[int, int, bool]] = {}  # (owner, remaining, matured)
        self.held: set[int] = set()
        self.offences: dict[str, tuple[int, int]] = {}
        for user in self.users:
            post_transfer(PostingKind.FAUCET, external(self.okb.pk), wallet(user.pk, self.okb.pk), 2000)
            self.move(("external", 0), ("wallet", user.pk), 2000)

    def teardown(self) -> None:
        if hasattr(self, "frame"):
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)

    def move(self, source: tuple[str, int], target: tuple[str, int], amount: int) -> None:
        self.balances[source] -= amount
        self.balances[target] += amount

    @rule(who=DEPLOYERS, amount=UNITS)
    def stake(self, who: int, amount: int) -> None:
        pk = self.users[who].pk
        expected = self.balances[("wallet", pk)] >= amount
        try:
            add_stake(self.users[who], amount)
        except DomainError as refused:
            assert refused.code == "insufficient_funds" and not expected
        else:
            assert expected
            self.move(("wallet", pk), ("stake", pk), amount)

    @rule(who=DEPLOYERS, amount=UNITS, matured=st.booleans())
    def unbond(self, who: int, amount: int, matured: bool) -> None:
        pk = self.users[who].pk
        expected = self.balances[("stake", pk)] >= amount and pk not in self.held
        try:
            with override_settings(UNBONDING_DAYS=0 if matured else 7):
                release = begin_unbonding(pk, amount)
        except DomainError as refused:
            assert refused.code in ("insufficient_funds", "stake_held") and not expected
        else:
            assert expected
            self.move(("stake", pk), ("unbonding", pk), amount)
            self.releases[release.pk] = (pk, amount, matured)

    @rule(chance=st.randoms(use_true_random=False))
    def claim(self, chance) -> None:
        if not self.releases:
            return
        key = chance.choice(sorted(self.releases))
        pk, remaining, matured = self.releases[key]
        expected = matured and pk not in self.held
        try:
            claim_release(pk, key)
        except DomainError as refused:
            assert refused.code in ("unbonding_not_over", "stake_held") and not expected
        else:
            assert expected
            self.move(("unbonding", pk), ("wallet", pk), remaining)
            del self.releases[key]

    @rule(who=DEPLOYERS, on=st.booleans())
    def hold(self, who: int, on: bool) -> None:
        pk = self.users[who].pk
        place_hold(pk, "9", "A case.") if on else lift_hold(pk, "9")
        (self.held.add if on else self.held.discard)(pk)

    @rule(who=DEPLOYERS, amount=UNITS, offence=st.integers(0, 5), harmed=UNITS, burn=st.integers(0, 300))
    def punish(self, who: int, amount: int, offence: int, harmed: int, burn: int) -> None:
        pk, name = self.users[who].pk, f"case {offence}"
        reach = self.balances[("stake", pk)] + sum(
            left for owner, left, matured in self.releases.values() if owner == pk and not matured
        )
        assert slashable(pk, timezone.now()) == reach
        expected = (name not in self.offences and amount <= reach) and harmed + burn <= amount
        repeated = self.offences.get(name) == (pk, amount) and harmed + burn <= amount
        victim = self.users[2].pk
        try:
            made = slash(
                pk, amount, offence_at=timezone.now(), offence_id=name, payments=[(victim, harmed)],
                insurance_group=GROUP, burn=burn,
            )  # fmt: skip
        except DomainError as refused:
            assert refused.code in ("slash_invalid", "slash_too_large", "offence_slashed")
            assert not expected and not repeated
            return
        assert expected or repeated
        if not repeated:
            self.take(pk, made.amount, victim, harmed, burn)
            self.offences[name] = (pk, amount)

    def take(self, pk: int, amount: int, victim: int, harmed: int, burn: int) -> None:
        live = min(amount, self.balances[("stake", pk)])
        self.balances[("stake", pk)] -= live
        self.balances[("unbonding", pk)] -= amount - live
        wanted = amount - live
        for key in sorted(self.releases, reverse=True):
            owner, left, matured = self.releases[key]
            if owner == pk and not matured and wanted:
                taken = min(wanted, left)
                self.releases[key] = (owner, left - taken, matured)
                wanted -= taken
                if taken == left:
                    del self.releases[key]
        assert not wanted
        self.balances[("wallet", victim)] += harmed
        self.balances[("insurance", GROUP)] += amount - harmed - burn
        self.balances[("burned", 0)] += burn

    @invariant()
    def books_hold(self) -> None:
        if not hasattr(self, "okb"):
            return
        rows = LedgerAccount.objects.exclude(balance=0).values_list("kind", "owner_id", "balance")
        assert {(kind, owner): units for kind, owner, units in rows} == {
            key: units for key, units in self.balances.items() if units
        }
        assert sum(self.balances.values()) == 0
        assert all(units >= 0 for (kind, _), units in self.balances.items() if kind != "external")
        report = check_ledger()
        assert report.sound, report.faults


@pytest.mark.django_db
def test_no_sequence_of_stakes_holds_and_slashes_breaks_the_books():
    run_state_machine_as_test(
        Bonds,
        settings=settings(
            max_examples=15, stateful_step_count=30, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
