"""Executing a slash: once, whole or not at all, under the rules as they are at that moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from exchange_os.ledger.models import Asset, Direction, Slash, Transfer
from exchange_os.ledger.selectors import burned_units, holds_on, stake_balance
from exchange_os.ledger.services import begin_unbonding, check_ledger
from exchange_os.ledger.services import slashing as ledger_slashing
from governance.models import Decision, Harmed, State
from governance.services import cases, decisions, slashing
from governance.services.committee import declare_conflict, remove_member
from governance.services.decisions import follow_decision, open_decision
from tests.governance.conftest import OKB_UNIT, STAKE, add_harmed, adopted, drafted, moments
from tests.governance.factors import vote
from tests.ledger.books import picture

STEPS = [
    (decisions, "tally_of"),
    (slashing, "content_of"),
    (slashing, "lock_stake"),
    (slashing, "slashable"),
    (slashing, "allocate"),
    (ledger_slashing, "_record"),
    (ledger_slashing, "post_transfers"),
    (slashing, "slash"),
    (Harmed.objects, "bulk_update"),
    (cases, "lift_hold"),
    (decisions, "make_move"),
]


def whole_picture():
    """Everything an execution would move."""
    return (
        picture(),
        Slash.objects.count(),
        list(Harmed.objects.values_list("account", "paid")),
        list(Decision.objects.values_list("state", "receipt")),
    )


@pytest.mark.parametrize(("module", "name"), STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_failure_at_any_step_leaves_nothing_half_done_and_says_why(
    opened, members, venue, monkeypatch, module, name, after
):
    decision = adopted(opened, members)
    before, real = whole_picture(), getattr(module, name)

    def broken(*arguments, **named):
        if after:
            real(*arguments, **named)
        raise ConnectionError("the machine went away")

    monkeypatch.setattr(module, name, broken)
    assert follow_decision(decision.pk, opened.executes) == 0
    monkeypatch.undo()
    assert whole_picture() == before
    assert len(holds_on(venue.deployer.user_id)) == 1
    decision.refresh_from_db()
    assert "ConnectionError" in decision.problem
    assert decision.attempts == 1
    assert follow_decision(decision.pk, opened.executes) == 1  # tried again, it goes through
    decision.refresh_from_db()
    assert (decision.state, decision.problem, decision.attempts) == (State.EXECUTED, "", 2)
    assert stake_balance(venue.deployer.user_id) == STAKE * 4 // 10
    assert check_ledger(lambda group: {}).faults == []


@pytest.mark.django_db(transaction=True)
def test_executed_by_many_at_once_it_happens_once(opened, members, venue):
    decision = adopted(opened, members)
    start = Barrier(4)

    def run() -> int:
        try:
            start.wait()
            return follow_decision(decision.pk, opened.executes)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        moves = [each.result() for each in [pool.submit(run) for _ in range(4)]]
    assert sorted(moves) == [0, 0, 0, 1]
    assert Slash.objects.count() == 1
    assert stake_balance(venue.deployer.user_id) == STAKE * 4 // 10


def test_votes_of_members_removed_since_do_not_carry_it(opened, members, venue):
    decision = adopted(opened, members)
    before = picture()
    remove_member(members[0], "Took a bribe.", opened.locks)
    follow_decision(decision.pk, opened.executes)
    decision.refresh_from_db()
    assert decision.state == State.REJECTED
    assert decision.moves.last().verb == "annul"
    assert picture() == before
    assert not holds_on(venue.deployer.user_id)


def test_conflicts_are_looked_at_again(opened, members, venue):
    decision = adopted(opened, members)
    declare_conflict(members[1], venue, "Took a job there last week.")
    follow_decision(decision.pk, opened.executes)
    decision.refresh_from_db()
    assert decision.state == State.REJECTED
    assert Slash.objects.count() == 0


def test_while_conflicts_cannot_be_known_it_waits(opened, members, venue, monkeypatch):
    decision = adopted(opened, members)
    usd = Asset.objects.get(symbol="USD")
    Transfer.objects.create(
        direction=Direction.DEPOSIT, user=members[2].user, group_id=venue.group_id, account=16, asset=usd,
        amount=1, issued_ms=1,
    )  # fmt: skip
    follow_decision(decision.pk, opened.executes)
    decision.refresh_from_db()
    assert decision.state == State.EXECUTED  # the one who has money there voted against; two for are enough


def test_one_act_is_slashed_once_whatever_number_of_cases(opened, members, venue):
    follow_decision(adopted(opened, members).pk, opened.executes)
    again = drafted(venue, None)
    course = moments(again, again.offence_at)
    open_decision(again.decision, members[0].user, course.opened)
    follow_decision(again.pk, course.votes)
    for member in members[1:]:
        vote(again.decision, member, "approve", 1_000_000, course.votes)
    follow_decision(again.pk, course.locks)
    before = picture()
    follow_decision(again.pk, course.executes)
    again.decision.refresh_from_db()
    assert again.decision.state == State.LOCKED
    assert again.decision.problem == "This act has been slashed already, in another case."
    assert picture() == before


def test_a_list_of_the_harmed_that_is_not_the_one_voted_on_is_not_paid(opened, members, harmed, monkeypatch):
    decision = adopted(opened, members)
    monkeypatch.setattr(cases, "harmed_digest", lambda case: "0" * 64)
    follow_decision(decision.pk, opened.executes)
    decision.refresh_from_db()
    assert decision.problem == "The list of the harmed is not the one that was voted on."
    assert Slash.objects.count() == 0


def test_losses_above_the_slash_are_paid_pro_rata_and_to_the_unit(venue, members, harmed):
    case = drafted(venue, members[0].user)
    add_harmed(case, harmed, [2 * 48_000 * 10**6, 48_000 * 10**6 + 1])
    course = moments(case, case.offence_at)
    open_decision(case.decision, members[0].user, course.opened)
    follow_decision(adopted(course, members).pk, course.executes)
    paid = list(Harmed.objects.values_list("paid", flat=True))
    assert sum(paid) == 600 * OKB_UNIT
    owed = list(Harmed.objects.values_list("owed", flat=True))
    assert owed == [2_000 * OKB_UNIT, 1_000 * OKB_UNIT + 3]  # a third of a unit is rounded up
    assert paid == [40_000_000_000, 20_000_000_000]
    assert burned_units(Asset.objects.get(symbol="OKB")) == 0


def test_no_stake_leaves_while_a_case_is_open(opened, venue):
    with pytest.raises(Exception, match="open against you"):
        begin_unbonding(venue.deployer.user_id, STAKE)
    assert stake_balance(venue.deployer.user_id) == STAKE


def test_stake_that_began_to_leave_after_the_offence_is_reached(venue, members):
    deployer = venue.deployer.user_id
    case = drafted(venue, members[0].user)
    release = begin_unbonding(deployer, 900 * OKB_UNIT)
    course = moments(case, timezone.now())
    open_decision(case.decision, members[0].user, course.opened)
    follow_decision(adopted(course, members).pk, course.executes)
    case.decision.refresh_from_db()
    release.refresh_from_db()
    assert (
        case.decision.receipt["slashed"] == 600 * OKB_UNIT
    )  # of 1,000: what is left at stake, then the release
    assert (stake_balance(deployer), release.slashed, release.remaining) == (
        0,
        500 * OKB_UNIT,
        400 * OKB_UNIT,
    )
    assert check_ledger(lambda group: {}).faults == []


def test_what_another_case_took_meanwhile_comes_off(opened, members, venue):
    other = drafted(venue, None, "event 1")
    course = moments(other, other.offence_at)
    open_decision(other.decision, members[0].user, course.opened)
    follow_decision(adopted(opened, members).pk, opened.executes)  # 60% of 1,000 OKB
    follow_decision(other.pk, course.votes)
    for member in members[1:]:
        vote(other.decision, member, "approve", 500_000, course.votes)
    follow_decision(other.pk, course.locks)
    follow_decision(other.pk, course.executes)
    other.decision.refresh_from_db()
    assert other.decision.receipt["slashed"] == 200 * OKB_UNIT
    assert stake_balance(venue.deployer.user_id) == 200 * OKB_UNIT
