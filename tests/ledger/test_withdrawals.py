"""Withdrawals to addresses outside: each state, nothing sent twice, nothing moved on a refusal."""

from datetime import timedelta

import pytest
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, TestNetworkSend, Withdrawal, WithdrawalState
from exchange_os.ledger.networks import SendRefused, TestNetwork
from exchange_os.ledger.selectors import balance, wallet_balance, withdrawals_of
from exchange_os.ledger.services import withdrawals
from exchange_os.ledger.services.withdrawals import (
    advance_withdrawals,
    cancel_withdrawal,
    request_withdrawal,
)
from tests.ledger.books import picture

pytestmark = pytest.mark.django_db
HOME = "0x" + "ab" * 20


@pytest.fixture
def funded(maker, usd, fund, settings):
    """A user with 100 units and no hold on new addresses."""
    settings.WITHDRAWAL_HOLD_SECONDS = 0
    fund(maker, usd, 100)
    return maker


def places(user, asset):
    """Units in the wallet and on the way out."""
    return wallet_balance(user.pk, asset), balance(AccountKind.WITHDRAWING, user.pk, asset.pk)


def test_a_withdrawal_goes_through_its_states(funded, usd, monkeypatch):
    monkeypatch.setattr(withdrawals, "NETWORK", TestNetwork(confirm_seconds=0))
    made = request_withdrawal(funded, usd, HOME.upper().replace("0X", "0x"), 60)
    assert (made.state, made.address, places(funded, usd)) == (WithdrawalState.REQUESTED, HOME, (40, 60))
    assert advance_withdrawals() == 1
    assert Withdrawal.objects.get().state == WithdrawalState.APPROVED
    assert advance_withdrawals() == 1
    sent = Withdrawal.objects.get()
    assert (sent.state, sent.txid, places(funded, usd)) == (
        WithdrawalState.SENT, TestNetworkSend.objects.get(key=made.key).txid, (40, 0),
    )  # fmt: skip
    assert (advance_withdrawals(), advance_withdrawals()) == (1, 0)
    assert withdrawals_of(funded.pk).get().state == WithdrawalState.FINAL


@pytest.mark.parametrize(
    ("address", "amount", "code"),
    [
        ("0x12", 1, "address_invalid"),
        ("0x" + "0" * 40, 1, "address_invalid"),
        (HOME + "'", 1, "address_invalid"),
        (HOME, 0, "amount_invalid"),
        (HOME, 2**63, "amount_invalid"),
        (HOME, 101, "insufficient_funds"),
    ],
)
def test_a_refused_request_moves_nothing(funded, usd, address, amount, code):
    before = picture()
    with pytest.raises(DomainError) as refused:
        request_withdrawal(funded, usd, address, amount)
    assert (refused.value.code, picture(), Withdrawal.objects.count()) == (code, before, 0)


def test_a_new_address_waits_and_can_be_cancelled(funded, usd, settings):
    settings.WITHDRAWAL_HOLD_SECONDS = 3600
    made = request_withdrawal(funded, usd, HOME, 60)
    assert advance_withdrawals() == 0
    assert cancel_withdrawal(funded.pk, made.pk).state == WithdrawalState.CANCELLED
    assert places(funded, usd) == (100, 0)
    # The hold belongs to the address: asking again does not start it anew.
    assert request_withdrawal(funded, usd, HOME, 1).approve_at == made.approve_at


def test_another_user_cannot_cancel_and_nobody_what_was_sent(funded, taker, usd):
    made = request_withdrawal(funded, usd, HOME, 60)
    with pytest.raises(DomainError, match="no such withdrawal"):
        cancel_withdrawal(taker.pk, made.pk)
    advance_withdrawals(), advance_withdrawals()
    before = picture()
    with pytest.raises(DomainError, match="cannot be cancelled"):
        cancel_withdrawal(funded.pk, made.pk)
    assert picture() == before


def test_a_repeated_client_id_is_one_withdrawal(funded, usd):
    first = request_withdrawal(funded, usd, HOME, 10, client_id="a1")
    assert request_withdrawal(funded, usd, HOME, 10, client_id="a1").pk == first.pk
    with pytest.raises(DomainError) as refused:
        request_withdrawal(funded, usd, HOME, 11, client_id="a1")
    assert (refused.value.code, places(funded, usd)) == ("client_id_used", (90, 10))


class Network(TestNetwork):
    """A network that dies before or after it has sent, as told, and counts."""

    def __init__(self, death: str) -> None:
        super().__init__(confirm_seconds=0)
        self.death, self.sends = death, 0

    def send(self, key, asset, address, amount):
        self.sends += 1
        if self.death == "before":
            raise ConnectionError
        if self.death == "refused":
            raise SendRefused
        super().send(key, asset, address, amount)
        raise ConnectionError


@pytest.mark.parametrize(
    ("death", "state", "held"),
    [
        ("before", WithdrawalState.RETURNED, (100, 0)),
        ("after", WithdrawalState.FINAL, (40, 0)),
        ("refused", WithdrawalState.RETURNED, (100, 0)),
    ],
)
def test_what_may_have_been_sent_is_never_sent_again(funded, usd, monkeypatch, death, state, held):
    network = Network(death)
    monkeypatch.setattr(withdrawals, "NETWORK", network)
    made = request_withdrawal(funded, usd, HOME, 60)
    for _ in range(4):
        advance_withdrawals()
    if death != "refused":
        assert (Withdrawal.objects.get().state, places(funded, usd)) == (WithdrawalState.SENDING, (40, 60))
        Withdrawal.objects.update(changed=timezone.now() - timedelta(minutes=2))
        for _ in range(3):
            advance_withdrawals()
    assert (network.sends, Withdrawal.objects.get().state, places(funded, usd)) == (1, state, held)
    if death == "before":  # and a process that had only slept cannot send it any more
        with pytest.raises(SendRefused):
            TestNetwork().send(made.key, usd, HOME, 60)
