"""The two-person rule: nobody does a dangerous act alone, and nothing else is done than what was read."""

import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from exchange_os.engine.errors import Busy
from exchange_os.errors import DomainError
from venues.access import Rules
from venues.models import PendingAct, PendingState, Role, VenueAct, VenueMember
from venues.services.access_policies import ensure_desk, propose_policy
from venues.services.two_people import (
    ACTS,
    DangerousAct,
    approve_act,
    digest_of,
    request_act,
    run_due_acts,
    waiting_acts,
    withdraw_act,
)

pytestmark = pytest.mark.django_db
WHY = "The market maker has left us."


@pytest.fixture
def done(monkeypatch):
    """An act of halters that only says that it was done."""
    calls = []

    def perform(user, venue, parameters):
        calls.append((user, venue, parameters))

    monkeypatch.setitem(ACTS, "test", DangerousAct("test", "a test", Role.HALTER, 24, perform))
    return calls


@pytest.fixture
def pair(house, person):
    """Two halters of the house."""
    for name in ("ann", "bob"):
        VenueMember.objects.create(venue=house, user=person(name), role=Role.HALTER)
    return person("ann"), person("bob")


def test_every_process_that_knows_a_verb_knows_every_dangerous_act():
    wanted = {"change_rules", "halt_longer", "wind_down", "oracle_sources", "open_access"}
    code = "import django; django.setup(); import venues.services.two_people as two; print(*two.ACTS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) >= wanted


def test_taking_a_policy_away_needs_a_second_person(house, person):
    owner = house.deployer.user
    VenueMember.objects.create(venue=house, user=person("ann"), role=Role.OWNER)
    desk = ensure_desk(owner, house)
    propose_policy(owner, house, Rules(level=1, issuers=frozenset({desk.pk})))
    asked = propose_policy(owner, house, Rules(), "The licence has ended.")
    house.refresh_from_db()
    assert (asked.act, house.access_policy is None) == ("open_access", False)
    assert refusal(approve_act, owner, house, asked.pk, asked.digest) == "same_person"
    approve_act(person("ann"), house, asked.pk, asked.digest)
    house.refresh_from_db()
    assert house.access_policy is None


def refusal(act, *arguments):
    with pytest.raises(DomainError) as refused:
        act(*arguments)
    return refused.value.code


def test_a_second_person_does_what_the_first_asked_for(house, pair, done):
    ann, bob = pair
    asked = request_act(ann, house, "test", {"hours": 72, "market": "BTC"}, WHY)
    assert (asked.due, done, list(waiting_acts(house))) == (None, [], [asked])
    assert approve_act(bob, house, asked.pk, asked.digest).state == PendingState.DONE
    assert done == [(bob, house, {"hours": 72, "market": "BTC"})]
    assert refusal(approve_act, bob, house, asked.pk, asked.digest) == "act_over"
    assert len(done) == 1
    verbs = VenueAct.objects.filter(venue=house).order_by("pk").values_list("by__username", "verb", "about")
    assert list(verbs) == [("ann", "asked for", "a test"), ("bob", "approved", "a test")]


def test_the_same_person_twice_is_refused(house, pair, done):
    ann, _ = pair
    asked = request_act(ann, house, "test", {}, WHY)
    assert refusal(approve_act, ann, house, asked.pk, asked.digest) == "same_person"
    asked.approved_by = ann
    with pytest.raises(IntegrityError), transaction.atomic():
        asked.save()
    assert done == []


def test_strangers_and_other_roles_neither_ask_nor_approve_nor_withdraw(house, pair, person, done):
    ann, _ = pair
    VenueMember.objects.create(venue=house, user=person("tom"), role=Role.TREASURER)
    asked = request_act(ann, house, "test", {}, WHY)
    assert refusal(request_act, person("tom"), house, "test", {"n": 1}, WHY) == "role_missing"
    assert refusal(approve_act, person("tom"), house, asked.pk, asked.digest) == "role_missing"
    assert refusal(withdraw_act, person("tom"), house, asked.pk) == "role_missing"
    assert refusal(approve_act, person("eve"), house, asked.pk, asked.digest) == "venue_unknown"
    asked.refresh_from_db()
    assert (asked.state, done) == (PendingState.WAITING, [])


def test_another_digest_or_changed_parameters_are_refused(house, pair, done):
    ann, bob = pair
    asked = request_act(ann, house, "test", {"to": "0xaa"}, WHY)
    assert refusal(approve_act, bob, house, asked.pk, "0" * 64) == "digest_differs"
    PendingAct.objects.filter(pk=asked.pk).update(parameters={"to": "0xbb"})
    assert refusal(approve_act, bob, house, asked.pk, asked.digest) == "digest_differs"
    assert (
        asked.digest
        == digest_of(house.pk, "test", {"to": "0xaa"})
        != digest_of(house.pk, "test", {"to": "0xbb"})
    )
    assert done == []


def test_what_nobody_approves_expires(house, pair, done):
    ann, bob = pair
    asked = request_act(ann, house, "test", {}, WHY)
    assert run_due_acts() == 0
    PendingAct.objects.update(expires=timezone.now())
    assert refusal(approve_act, bob, house, asked.pk, asked.digest) == "act_expired"
    run_due_acts()
    asked.refresh_from_db()
    assert (asked.state, done) == (PendingState.EXPIRED, [])


def test_who_asked_must_still_be_allowed_to(house, pair, done):
    ann, bob = pair
    asked = request_act(ann, house, "test", {}, WHY)
    VenueMember.objects.filter(user=ann).delete()
    assert refusal(approve_act, bob, house, asked.pk, asked.digest) == "requester_gone"
    assert done == []


def test_a_lone_owner_waits_for_the_lock_and_the_clock_does_it_once(house, done):
    owner = house.deployer.user
    asked = request_act(owner, house, "test", {}, WHY)
    assert timedelta(hours=23) < asked.due - timezone.now() <= timedelta(hours=24)
    assert run_due_acts() == 0
    assert done == []
    PendingAct.objects.update(due=timezone.now())
    assert (run_due_acts(), run_due_acts()) == (1, 0)
    assert done == [(owner, house, {})]


def test_the_same_act_waits_once_and_can_be_withdrawn(house, pair, done):
    ann, bob = pair
    asked = request_act(ann, house, "test", {}, WHY)
    assert refusal(request_act, bob, house, "test", {}, WHY) == "act_waits"
    withdraw_act(bob, house, asked.pk)
    assert refusal(approve_act, bob, house, asked.pk, asked.digest) == "act_over"
    request_act(bob, house, "test", {}, WHY)
    assert refusal(request_act, ann, house, "test", {"n": 1}, "short") == "reason_missing"
    assert (PendingAct.objects.count(), done) == (2, [])


def test_an_act_that_is_refused_ends_and_one_cut_off_is_done_again(house, pair, monkeypatch):
    ann, bob = pair
    answers = [DomainError("no", "It cannot be done."), Busy(100), None]

    def perform(*_):
        if (answer := answers.pop(0)) is not None:
            raise answer

    monkeypatch.setitem(ACTS, "test", DangerousAct("test", "a test", Role.HALTER, 24, perform))
    first = request_act(ann, house, "test", {}, WHY)
    assert refusal(approve_act, bob, house, first.pk, first.digest) == "no"
    first.refresh_from_db()
    assert (first.state, first.error) == (PendingState.FAILED, "It cannot be done.")
    again = request_act(ann, house, "test", {}, WHY)
    assert approve_act(bob, house, again.pk, again.digest).state == PendingState.DOING, "the engine is away"
    assert run_due_acts() == 0
    PendingAct.objects.filter(pk=again.pk).update(over=timezone.now() - timedelta(minutes=6))
    assert (run_due_acts(), answers) == (1, [])
