"""A switch is moved by two people of the staff, stops exactly its function, and says so to everybody."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from exchange_os.engine.models import RiskGroup
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Pause, PauseFunction, Transfer, Withdrawal
from exchange_os.ledger.selectors import wallet_balance
from exchange_os.ledger.services import request_deposit, request_withdrawal
from exchange_os.ledger.services.pauses import check_running
from exchange_os.ledger.services.withdrawals import advance_withdrawals
from exchange_os.ledger.services.withdrawals import request_withdrawal as withdraw_outside
from exchange_os.operations.models import SwitchRequest
from exchange_os.operations.services import ask_switch, confirm_switch, withdraw_switch
from tests.governance.factors import enrol
from tests.ledger.books import picture
from trading.selectors.catalogue import read_catalogue, tradable_market
from trading.services.algos import AlgoChange, AlgoKey, amend_algo_frame
from trading.services.orders import AmendDraft, OrderDraft, OrderKey, amend_frame, cancel_frame, place_frame
from venues.models import DeployerNotice

pytestmark = pytest.mark.django_db
WHY = "The hot wallet is being looked at."
ADDRESS = "0x" + "5a" * 20


def flip(first, second, function, group=0, *, pause=True):
    return confirm_switch(second, ask_switch(first, function, group, pause=pause, reason=WHY).pk)


def code_of(act):
    """The code with which ``act`` is refused; empty if it goes through. Whatever it did is undone."""
    try:
        with transaction.atomic():
            act()
            transaction.set_rollback(True)
    except DomainError as refused:
        return refused.code
    return ""


@pytest.fixture
def acts(maker, usd, fund, market, venue):
    """Every function, asked for at the venue's group."""
    fund(maker, usd, 10_000_000)
    group = venue.group_id
    draft = OrderDraft("buy", Decimal("0.01"), price=Decimal(65000))
    order = OrderKey(order_id=7)

    return {
        "deposit": lambda: request_deposit(maker, group, 16, usd, 600),
        "back": lambda: request_withdrawal(maker, group, 16, usd, 600),
        "outside": lambda: withdraw_outside(maker, usd, ADDRESS, 600),
        "place": lambda: place_frame(16, tradable_market(market), draft),
        "amend": lambda: amend_frame(16, tradable_market(market), AmendDraft(order, size=Decimal("0.01"))),
        "algo": lambda: amend_algo_frame(16, tradable_market(market), AlgoChange(AlgoKey(algo_id=3))),
        "cancel": lambda: cancel_frame(16, tradable_market(market), order),
        "settle": lambda: check_running(PauseFunction.SETTLE, group),
    }


STOPPED = {
    "deposit": {"deposit"},
    "withdraw": {"back", "outside"},
    "trade": {"place", "amend", "algo"},
    "liquidate": set(),  # the kernel is told: see test_holds
    "settle": {"settle"},
}


@pytest.mark.parametrize("function", PauseFunction.values)
def test_a_switch_stops_exactly_its_function(function, acts, first, second):
    assert {name for name, act in acts.items() if code_of(act)} == set()
    before = picture()
    flip(first, second, function)
    assert {name for name, act in acts.items() if code_of(act) == "paused"} == STOPPED[function]
    assert {name for name, act in acts.items() if code_of(act)} == STOPPED[function]
    assert (picture(), Transfer.objects.count(), Withdrawal.objects.count()) == (before, 0, 0)
    flip(second, first, function, pause=False)
    assert {name for name, act in acts.items() if code_of(act)} == set()


@pytest.mark.parametrize("function", PauseFunction.values)
def test_a_switch_of_one_group_leaves_the_others_alone(function, acts, first, second, venue):
    other = type(venue).objects.create(
        slug="other", name="Other", deployer=venue.deployer, group_id=RiskGroup.objects.create().pk, maker_fee_ppm=0,
        taker_fee_ppm=0, protocol_share_ppm=0,
    )  # fmt: skip
    flip(first, second, function, other.group_id)
    assert {name for name, act in acts.items() if code_of(act)} == set()
    assert not DeployerNotice.objects.exists(), "nothing is open there"
    flip(first, second, function, venue.group_id)
    told = DeployerNotice.objects.get()
    label = PauseFunction(function).label.lower()
    assert (told.user_id, told.warning) == (venue.deployer.user_id, True)
    assert told.text == f"The platform has stopped {label} at {venue.name}. “{WHY}”"
    # What leaves the platform belongs to no group.
    assert {name for name, act in acts.items() if code_of(act)} == STOPPED[function] - {"outside"}


def test_a_refusal_names_the_switch_since_when_and_why(first, second, maker, usd, fund):
    fund(maker, usd, 1_000)
    flip(first, second, "deposit")
    since = Pause.objects.get().since
    with pytest.raises(DomainError) as refused:
        request_deposit(maker, 7, 16, usd, 600)
    assert refused.value.message == (
        f"Deposits to venues are paused since {since:%Y-%m-%d %H:%M} UTC: The hot wallet is being looked at. "
        "Your money stays in your wallet; try again later."
    )
    assert wallet_balance(maker.pk, usd) == 1_000


def test_nothing_is_sent_out_while_withdrawals_are_paused(first, second, maker, usd, fund):
    fund(maker, usd, 1_000)
    made = withdraw_outside(maker, usd, ADDRESS, 600)
    Withdrawal.objects.filter(pk=made.pk).update(approve_at=timezone.now())
    assert advance_withdrawals() == 1
    flip(first, second, "withdraw")
    assert advance_withdrawals() == 0
    made.refresh_from_db()
    assert (made.state, made.txid) == ("approved", "")
    flip(first, second, "withdraw", pause=False)
    assert advance_withdrawals() == 1
    made.refresh_from_db()
    assert made.state == "sent"


def test_the_trading_doors_see_it_in_their_copy_of_the_venue(first, second, market, venue):
    assert read_catalogue("acme").pause is None
    flip(first, second, "trade", venue.group_id)
    catalogue = read_catalogue("acme")
    assert catalogue.pause.reason == WHY
    assert [market.pause for market in catalogue.markets] == [catalogue.pause]


def test_two_different_people_move_a_switch(first, second):
    asked = ask_switch(first, "trade", 0, pause=True, reason=WHY)
    with pytest.raises(DomainError) as refused:
        confirm_switch(first, asked.pk)
    assert refused.value.code == "same_person"
    assert not Pause.objects.exists()
    done = confirm_switch(second, asked.pk)
    assert (done.asked_by_id, done.confirmed_by_id) == (first.pk, second.pk)
    with pytest.raises(DomainError) as refused:
        confirm_switch(second, asked.pk)
    assert refused.value.code == "switch_over"
    with pytest.raises(IntegrityError), transaction.atomic():
        SwitchRequest.objects.filter(pk=asked.pk).update(confirmed_by=first)


def test_resuming_takes_two_people_as_well(first, second):
    flip(first, second, "deposit")
    asked = ask_switch(second, "deposit", 0, pause=False, reason=WHY)
    assert code_of(lambda: confirm_switch(second, asked.pk)) == "same_person"
    assert Pause.objects.count() == 1
    confirm_switch(first, asked.pk)
    assert Pause.objects.count() == 0
    assert SwitchRequest.objects.filter(confirmed_by__isnull=False).count() == 2


def test_a_request_that_nobody_confirms_in_time_is_over(first, second):
    asked = ask_switch(first, "deposit", 0, pause=True, reason=WHY)
    assert asked.expires_at - asked.asked_at == timedelta(minutes=15)
    SwitchRequest.objects.filter(pk=asked.pk).update(expires_at=timezone.now())
    assert code_of(lambda: confirm_switch(second, asked.pk)) == "switch_over"
    again = ask_switch(first, "deposit", 0, pause=True, reason=WHY)
    assert code_of(lambda: ask_switch(second, "deposit", 0, pause=True, reason=WHY)) == "switch_waits"
    withdraw_switch(second, again.pk)
    assert code_of(lambda: confirm_switch(second, again.pk)) == "switch_over"
    assert not Pause.objects.exists()


@pytest.mark.parametrize("change", ["is_staff", "is_active", "factor"])
def test_only_staff_with_a_second_factor_move_switches(change, first, second):
    asked = ask_switch(first, "deposit", 0, pause=True, reason=WHY)
    for user in (first, second):
        if change == "factor":
            user.authenticator_set.all().delete()
        else:
            setattr(user, change, False)
            user.save()
    assert code_of(lambda: confirm_switch(second, asked.pk)) == "staff_only"
    second.is_staff = second.is_active = True
    second.save()
    if change == "factor":
        enrol(second)
    assert code_of(lambda: confirm_switch(second, asked.pk)) == "requester_gone"
    assert not Pause.objects.exists()


@pytest.mark.parametrize(
    ("function", "group", "pause", "reason", "code"),
    [
        ("mine", 0, True, WHY, "function_unknown"),
        ("deposit", 999_999, True, WHY, "group_unknown"),
        ("deposit", 0, True, "why", "reason_missing"),
        ("deposit", 0, False, WHY, "switch_stands"),
    ],
)
def test_what_cannot_be_asked_for(function, group, pause, reason, code, first):
    assert code_of(lambda: ask_switch(first, function, group, pause=pause, reason=reason)) == code
    assert SwitchRequest.objects.count() == 0


def test_the_pages_walk_through_a_pause(first, second, as_user, venue):
    one, two = as_user(first), as_user(second)
    form = {"pause": "1", "function": "trade", "group": str(venue.group_id), "reason": WHY}
    assert one.post("/operator/switches/", form).status_code == 302
    asked = SwitchRequest.objects.get()
    assert "somebody else confirms" in one.get("/operator/switches/").content.decode()
    one.post(f"/operator/switches/{asked.pk}/")
    assert not Pause.objects.exists()
    two.post(f"/operator/switches/{asked.pk}/")
    assert Pause.objects.get().group_id == venue.group_id
    cache.clear()  # pages look once a second
    banner = Client().get("/").content.decode()
    assert "Trading at Acme Markets: paused" in banner
    assert WHY in banner
    assert one.post("/operator/switches/", form).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/operator/dashboard/",
        "/operator/dashboard/live/",
        "/operator/switches/",
        "/operator/runbook/",
        "/operator/support/",
        "/operator/audit/",
        "/operator/audit.csv",
    ],
)
def test_pages_of_operations_are_for_staff_who_proved_a_second_factor(path, first, as_user):
    assert Client().get(path)["Location"].startswith("/accounts/login/")
    other = get_user_model().objects.create_user("other", "other@example.com")
    enrol(other)
    assert as_user(other).get(path).status_code == 403
    unproved = Client()
    unproved.force_login(first, backend="django.contrib.auth.backends.ModelBackend")
    assert "reauthenticate" in unproved.get(path)["Location"]
    assert as_user(first).get(path).status_code == 200


def test_whoever_confirms_sees_the_banner_at_once(first, second, as_user) -> None:
    asked = ask_switch(first, PauseFunction.DEPOSIT, 0, pause=True, reason=WHY)
    browser = as_user(second)
    assert "Deposits to venues: paused" not in browser.get("/operator/switches/").content.decode()
    page = browser.post(f"/operator/switches/{asked.pk}/", follow=True).content.decode()
    assert "Deposits to venues: paused" in page
