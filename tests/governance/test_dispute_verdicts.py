"""A disputed result goes to a panel that has nothing in it, and what it says is paid, with the bonds, once."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.models import Decision, DisputeCase, Seat, State, Verb
from governance.selectors.decisions import content_of
from governance.services.decisions import follow_decision
from governance.services.disputes import end_decided, put_disputes
from tests.engine.conftest import LocalWorker, local_worker
from tests.governance.conftest import members
from tests.governance.factors import vote
from tests.venues.conftest import clean_redis, deployer, give, trader, venue
from tests.venues.court import Court
from tests.venues.test_disputes import court
from tests.venues.test_events import SEEN
from venues.models import PPM, DisputeState, EventState
from venues.services import propose_result
from venues.services.disputes import bond_units

__all__ = ["LocalWorker", "clean_redis", "court", "deployer", "local_worker", "members", "trader", "venue"]

pytestmark = pytest.mark.django_db(transaction=True)


def put(court: Court, **claim):
    """A disputed event with its decision, and the moments in which its vote runs and its lock is over."""
    event = court.event()
    dispute = court.dispute(event, **claim)
    now = timezone.now()
    assert put_disputes(now) == 1
    assert put_disputes(now) == 0, "put once"
    decision = DisputeCase.objects.get(dispute=dispute).decision
    assert (decision.state, decision.proposer) == (State.REPLY, None)
    event.refresh_from_db()
    votes = now + timedelta(seconds=event.window_seconds + 1)
    locks = votes + timedelta(days=2, seconds=1)
    return event, dispute, decision, votes, locks, locks + timedelta(hours=1, seconds=1)


def keys(decision: Decision) -> dict[str, str]:
    """``{label: key}`` of the verdicts."""
    return {each["label"]: each["key"] for each in content_of(decision)["options"]}


def test_from_dispute_to_the_paid_verdict(court: Court, members) -> None:
    before = court.held()
    event, dispute, decision, votes, locks, executes = put(court, person=0, outcome=1)
    court.dispute(event, 1, None)  # joins while the text is frozen: its verdict is among those there can be
    assert list(keys(decision)) == [
        "The result stands: Argentina",
        "Another result: France",
        "Another result: P",
        "Another result: Any other",
        "Void: paid at the last fair prices",
    ]
    with pytest.raises(DomainError) as refused:
        vote(decision, members[0], option="uphold")
    assert refused.value.code == "voting_closed"
    follow_decision(decision.pk, votes)
    assert not Seat.objects.filter(decision=decision).exclude(recused="").exists()
    france = keys(decision)["Another result: France"]
    for choice, option in (("reject", ""), ("approve", ""), ("approve", "overturn-99")):
        with pytest.raises(DomainError) as refused:
            vote(decision, members[0], choice, None, votes, option)
        assert refused.value.code == "option_missing"
    page = browse(decision)
    assert "The airport reports 0 mm" in page
    assert "Another result: France" in page
    for member in members[:2]:
        vote(decision, member, "approve", None, votes, france)
    vote(decision, members[2], "approve", None, votes, "void")
    follow_decision(decision.pk, locks)
    decision.refresh_from_db()
    dispute.refresh_from_db()
    assert (decision.state, decision.option, dispute.state) == (State.LOCKED, france, DisputeState.OPEN)
    assert follow_decision(decision.pk, executes) == 1
    assert follow_decision(decision.pk, executes) == 0
    for row in (event, dispute, decision):
        row.refresh_from_db()
    assert (decision.state, decision.receipt["label"]) == (State.EXECUTED, "Another result: France")
    assert (event.state, event.payouts["1"], dispute.state) == (EventState.RESOLVED, PPM, DisputeState.WON)
    assert court.bonds(event) == 0
    assert court.moved(before) == [
        2,
        0,
        0,
        0,
        -2,
    ]  # in half bonds: who named it wins, the other gets theirs back
    court.check()
    shown = Client().get(f"/v/{event.venue.slug}/event/{event.code}/").content.decode()
    assert f"/governance/{decision.pk}/" in shown
    assert "Verdict: Another result: France" in browse(decision)


def browse(decision: Decision) -> str:
    """The page as a visitor sees it."""
    answer = Client().get(f"/governance/{decision.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_split_panel_is_followed_by_another_vote_and_insiders_never_sit(court: Court, members) -> None:
    court.people[0] = members[2].user
    give(members[2].user, "1000", "OKB")
    event, dispute, decision, votes, locks, _ = put(court, person=0, outcome=1)
    follow_decision(decision.pk, votes)
    recused = dict(Seat.objects.filter(decision=decision).values_list("member__name", "recused"))
    assert recused == {"Ada": "", "Ben": "", "Cleo": "Proposed or disputed a result of this event."}
    with pytest.raises(DomainError) as refused:
        vote(decision, members[2], "approve", None, votes, "uphold")
    assert refused.value.code == "member_recused"
    vote(decision, members[0], "approve", None, votes, "uphold")
    vote(decision, members[1], "approve", None, votes, "void")
    follow_decision(decision.pk, locks)
    decision.refresh_from_db()
    dispute.refresh_from_db()
    assert (decision.state, dispute.state) == (State.REJECTED, DisputeState.OPEN)
    assert put_disputes(locks) == 1
    again = DisputeCase.objects.filter(dispute=dispute).latest("pk").decision
    assert again.pk != decision.pk
    follow_decision(again.pk, locks + timedelta(seconds=1))
    again.refresh_from_db()
    assert again.state == State.VOTING
    held = court.bonds(event)
    assert held == 2 * bond_units()

    propose_result(court.deployer, event, {1: PPM}, SEEN)  # the deployer gives in
    assert end_decided(locks) == 1
    again.refresh_from_db()
    assert (again.state, again.moves.last().verb) == (State.EXPIRED, Verb.LAPSE)
    assert "gave in" in again.moves.last().words
    assert put_disputes(locks) == 0
