"""Disputes: every verdict with its bonds to the unit, every refusal with nothing moved, and events nobody resolves."""

from random import Random
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import ProgrammingError, transaction

from exchange_os.engine import client as engine_client
from exchange_os.engine.errors import OutcomeUnknown
from exchange_os.errors import DomainError
from exchange_os.ledger.services import check_ledger
from tests.venues.conftest import give
from tests.venues.court import REASON, Court
from tests.venues.test_events import SEEN, passed
from venues.models import (
    PPM,
    Dispute,
    DisputeState,
    Event,
    EventState,
    Venue,
    Verdict,
)
from venues.services import (
    clarify_event,
    close_event,
    decide,
    follow_events,
    open_dispute,
    propose_result,
    propose_void,
)
from venues.services.disputes import bond_units, carry_out
from venues.services.event_moves import EVENT_MOVES
from venues.services.totals import kernel_totals

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "The record of the airport is clear."


@pytest.fixture
def court(venue: Venue, deployer: AbstractBaseUser) -> Court:
    """The court."""
    return Court(venue, deployer)


def test_every_verdict_gives_the_bonds_to_whose_they_are(court: Court) -> None:
    # What people 0 to 2, the deployer's wallet and stake have more in the end, in half bonds; who disputes what is
    # (person, outcome; None: void). The deployer proposed outcome 0.
    one, two = ((0, 1),), ((0, 1), (1, 1))
    cases: list[tuple[Any, Verdict, int | None, list[int], EventState]] = [
        (one, Verdict.UPHOLD, None, [-2, 0, 0, 2, 0], EventState.RESOLVED),
        (one, Verdict.OVERTURN, 1, [2, 0, 0, 0, -2], EventState.RESOLVED),
        (one, Verdict.OVERTURN, 2, [2, 0, 0, 0, -2], EventState.RESOLVED),
        (one, Verdict.VOID, None, [0, 0, 0, 0, 0], EventState.VOID),
        (two, Verdict.UPHOLD, None, [-2, -2, 0, 4, 0], EventState.RESOLVED),
        (two, Verdict.OVERTURN, 1, [1, 1, 0, 0, -2], EventState.RESOLVED),
        (((0, 1), (1, 2)), Verdict.OVERTURN, 2, [0, 2, 0, 0, -2], EventState.RESOLVED),
        (((0, None), (1, 2)), Verdict.VOID, None, [2, 0, 0, 0, -2], EventState.VOID),
    ]
    for claims, verdict, outcome, gains, state in cases:
        event, before = court.event(), court.held()
        disputes = [court.dispute(event, person, claim) for person, claim in claims]
        assert [row.joined_id for row in disputes] == [None, *[disputes[0].pk] * (len(disputes) - 1)]
        assert court.bonds(event) == bond_units() * (len(disputes) + 1)
        payouts = None if outcome is None else {outcome: PPM}
        decide(disputes[-1], verdict, by=court.people[2], words=WORDS, payouts=payouts)
        event.refresh_from_db()
        assert (event.state, court.moved(before), court.bonds(event)) == (state, gains, 0), (claims, verdict)
        if state == EventState.RESOLVED:
            assert [int(at) for at, ppm in event.payouts.items() if ppm] == [outcome or 0]
        with pytest.raises(DomainError) as refused:
            decide(disputes[0], Verdict.UPHOLD, by=None, words=WORDS)
        assert refused.value.code == "dispute_decided"
        assert court.moved(before) == gains, "decided once"
        court.check()
    assert not check_ledger(kernel_totals).faults


def test_a_share_that_does_not_divide_goes_to_the_first(court: Court) -> None:
    event, before = court.event(), court.held()
    disputes = [court.dispute(event, person) for person in range(3)]
    decide(disputes[0], Verdict.OVERTURN, by=None, words=WORDS, payouts={1: PPM})
    bond = bond_units()
    part, rest = divmod(bond, 3)
    assert rest
    got = [now - then for now, then in zip(court.held(), before, strict=True)]
    assert got == [part + rest, part, part, 0, -bond]
    assert [row.received - bond for row in Dispute.objects.order_by("pk") if row.received] == [
        part + rest,
        part,
        part,
    ]
    court.check()


def test_a_proposer_gives_in(court: Court) -> None:
    event, before = court.event(), court.held()
    court.dispute(event)
    court.dispute(event, 1, 2)
    event = propose_result(court.deployer, event, {1: PPM}, "https://example.com/rome corrected")
    assert (event.state, court.moved(before)) == (EventState.PROPOSED, [1, 1, 0, 0, -2])
    assert set(event.disputes.values_list("state", "verdict")) == {(DisputeState.WON, Verdict.CONCEDED)}
    dispute = court.dispute(event, 2, 0)
    assert dispute.joined is None, "a new proposal, a new case"
    court.check()


def test_what_is_refused_moves_nothing(court: Court, newcomer: AbstractBaseUser) -> None:
    event = court.event()
    first = court.dispute(event)
    other = court.event()
    late = court.event()
    passed(late)
    before, rows = court.held(), Dispute.objects.count()
    attempts: list[tuple[str, Any]] = [
        ("disputed_already", lambda: court.dispute(event)),
        ("own_result", lambda: open_dispute(court.deployer, other, REASON, SEEN, {1: PPM})),
        ("same_result", lambda: court.dispute(other, 1, 0)),
        ("payouts_invalid", lambda: court.dispute(other, 1, 9)),
        ("reason_missing", lambda: open_dispute(court.people[1], other, "no", SEEN, {1: PPM})),
        ("source_missing", lambda: open_dispute(court.people[1], other, REASON, "", {1: PPM})),
        ("insufficient_funds", lambda: open_dispute(newcomer, other, REASON, SEEN, {1: PPM})),
        ("window_over", lambda: court.dispute(late, 1)),
        ("same_result", lambda: decide(first, Verdict.OVERTURN, by=None, words=WORDS, payouts={0: PPM})),
        ("payouts_invalid", lambda: decide(first, Verdict.OVERTURN, by=None, words=WORDS)),
        ("verdict_unknown", lambda: decide(first, Verdict.LAPSED, by=None, words=WORDS)),
        ("reason_missing", lambda: decide(first, Verdict.UPHOLD, by=None, words="no")),
        ("event_move_refused", lambda: close_event(court.deployer, event)),
        (
            "event_move_refused",
            lambda: clarify_event(court.deployer, event, "Rain is what falls from the sky."),
        ),
    ]
    for code, attempt in attempts:
        with pytest.raises(DomainError) as refused:
            attempt()
        assert refused.value.code == code
        assert (court.held(), Dispute.objects.count()) == (before, rows), code
    other.refresh_from_db()
    assert other.state == EventState.PROPOSED
    with pytest.raises(ProgrammingError, match="claims is never changed"), transaction.atomic():
        Dispute.objects.update(bond=1)
    with pytest.raises(ProgrammingError, match="never removed"), transaction.atomic():
        Dispute.objects.all().delete()
    court.check()


def test_a_verdict_that_was_cut_off_is_carried_out_once(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, before = court.event(), court.held()
    dispute = court.dispute(event)

    def away(*args: Any, **more: Any) -> Any:
        raise OutcomeUnknown

    with monkeypatch.context() as patch:
        patch.setattr(engine_client, "submit", away)
        with pytest.raises(OutcomeUnknown):
            decide(dispute, Verdict.OVERTURN, by=court.people[2], words=WORDS, payouts={1: PPM})
    dispute.refresh_from_db()
    assert (dispute.state, court.bonds(event)) == (DisputeState.JUDGED, 2 * bond_units())
    with pytest.raises(DomainError) as refused:
        propose_result(court.deployer, event, {2: PPM}, SEEN)
    assert refused.value.code == "dispute_decided", "a written verdict stands"
    with pytest.raises(DomainError, match="has been given"):
        court.dispute(event, 1)
    assert follow_events() >= 1
    event.refresh_from_db()
    assert (event.state, court.moved(before)) == (EventState.RESOLVED, [2, 0, 0, 0, -2])
    carry_out(event)
    assert court.moved(before) == [2, 0, 0, 0, -2]
    court.check()


def test_a_dispute_nobody_judges_is_void(court: Court, settings: Any) -> None:
    event, before = court.event(), court.held()
    court.dispute(event)
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.DISPUTED
    settings.DISPUTE_DEADLINE_SECONDS = 0
    follow_events()
    event.refresh_from_db()
    assert (event.state, court.moved(before)) == (EventState.VOID, [0] * 5)
    assert event.disputes.get().verdict == Verdict.LAPSED
    court.check()


def test_a_deployer_who_vanishes(court: Court, settings: Any) -> None:
    settings.RESOLUTION_GRACE_SECONDS, settings.RESOLUTION_DEADLINE_SECONDS = 3600, 7200
    event = close_event(court.deployer, court.event(state=EventState.OPEN))
    lost = close_event(court.deployer, court.event(state=EventState.OPEN))
    stranger, before = court.people[0], court.held()
    with pytest.raises(DomainError) as refused:
        propose_result(stranger, event, {0: PPM}, SEEN)
    assert (refused.value.code, court.held()) == ("event_unknown", before)
    settings.RESOLUTION_GRACE_SECONDS = 0
    event = propose_result(stranger, event, {0: PPM}, SEEN)
    assert (event.state, court.moved(before), event.proposer) == (
        EventState.PROPOSED,
        [-2, 0, 0, 0, 0],
        stranger,
    )
    for user in (court.deployer, court.people[1]):
        with pytest.raises(DomainError):
            propose_result(user, event, {1: PPM}, SEEN)
    # The deployer, back again, disputes like anyone; the stranger's bond is at stake, not the deployer's.
    give(court.deployer, "100", "OKB")
    court.whole = court.total()
    before = court.held()
    dispute = open_dispute(court.deployer, event, REASON, SEEN, {1: PPM})
    decide(dispute, Verdict.OVERTURN, by=None, words=WORDS, payouts={1: PPM})
    assert court.moved(before) == [0, 0, 0, 2, 0]
    court.check()
    # An undisputed proposal gives the bond back; what nobody proposes is void by the clock, after a window.
    third = close_event(court.deployer, court.event(state=EventState.OPEN))
    third = propose_result(stranger, third, {2: PPM}, SEEN)
    passed(third)
    settings.RESOLUTION_DEADLINE_SECONDS = 0
    follow_events()
    third.refresh_from_db()
    lost.refresh_from_db()
    assert (third.state, court.bonds(third)) == (EventState.RESOLVED, 0)
    assert (lost.state, lost.voiding, lost.proposer) == (EventState.PROPOSED, True, None)
    court.dispute(lost, 1, 2)
    assert court.bonds(lost) == bond_units(), "nobody stands against it"
    decide(lost.disputes.get(), Verdict.OVERTURN, by=None, words=WORDS, payouts={2: PPM})
    lost.refresh_from_db()
    assert (lost.state, court.bonds(lost)) == (EventState.RESOLVED, 0)
    court.check()


def any_move(court: Court, event: Event, draw: Random) -> None:
    """One move by somebody, allowed or not."""
    person, outcome, luck = draw.randrange(3), draw.randrange(4), draw.random()
    speaker = court.deployer if draw.random() < 0.6 else court.people[person]
    case = Dispute.objects.filter(event=event, state=DisputeState.OPEN).first()
    match draw.randrange(6):
        case 0:
            close_event(court.deployer, event)
        case 1:
            propose_result(speaker, event, {outcome: PPM}, SEEN)
        case 2:
            propose_void(speaker, event, SEEN)
        case 3:
            court.dispute(event, person, draw.choice([None, 0, 1, 2]))
        case 4 if luck < 0.3:
            passed(event)
            follow_events()
        case 5 if luck < 0.3 and case:
            verdict = draw.choice([Verdict.UPHOLD, Verdict.OVERTURN, Verdict.VOID])
            decide(case, verdict, by=None, words=WORDS, payouts={outcome: PPM})


def test_any_walk_through_the_moves_keeps_the_money(court: Court, settings: Any) -> None:
    settings.RESOLUTION_GRACE_SECONDS = 0
    draw = Random(20_260_611)
    events = [court.event(state=EventState.OPEN) for _ in range(5)]
    seen: set[tuple[str, str]] = set()
    for _ in range(90):
        event = draw.choice(events)
        event.refresh_from_db()
        before, held = event.state, court.held()
        try:
            any_move(court, event, draw)
        except DomainError:
            assert court.held() == held
        event.refresh_from_db()
        if event.state != before:
            assert EventState(event.state) in EVENT_MOVES[EventState(before)]
            seen.add((before, event.state))
        court.check()
    assert {("open", "closed"), ("closed", "proposed"), ("proposed", "disputed")} <= seen
    assert any(state in ("resolved", "void") for _, state in seen)
    assert not check_ledger(kernel_totals).faults
