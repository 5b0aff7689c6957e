"""The table of moves: every state with every verb, and nothing else."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.models import MOVES, Decision, DecisionMove, State, Verb, Vote
from governance.services.decisions import follow_decision, make_move
from tests.governance.conftest import adopted, drafted


def standing(venue, state: State) -> Decision:
    """A decision in a state, as the table alone sees it."""
    decision = drafted(venue, None).decision
    if state in (State.EXECUTED,):
        Decision.objects.filter(pk=decision.pk).update(state=State.LOCKED)
    Decision.objects.filter(pk=decision.pk).update(state=state)
    return Decision.objects.get(pk=decision.pk)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", Verb)
def test_every_state_with_every_verb(venue, state, verb):
    decision = standing(venue, state)
    target = MOVES[state].get(verb)
    if target is None:
        with pytest.raises(DomainError) as refused, transaction.atomic():
            make_move(decision, verb, timezone.now())
        assert refused.value.code == "decision_move_refused"
        assert Decision.objects.get(pk=decision.pk).state == state
        assert not DecisionMove.objects.exists()
    else:
        made = make_move(decision, verb, timezone.now())
        assert (made.state, Decision.objects.get(pk=decision.pk).state) == (target, target)


def test_the_table_ends_where_it_says():
    assert {state for state in State if not MOVES[state]} == {State.EXECUTED, State.EXPIRED}
    reached, new = set(), {State.DRAFT}
    while new:
        reached |= new
        new = {target for state in new for target in MOVES[state].values()} - reached
    assert reached == set(State)


def test_time_moves_nothing_that_is_not_due(opened):
    for moment in (opened.opened, opened.votes - timedelta(seconds=2)):
        assert follow_decision(opened.decision.pk, moment) == 0
    assert follow_decision(opened.decision.pk, opened.votes) == 1
    assert follow_decision(opened.decision.pk, opened.votes) == 0


def test_what_was_said_and_signed_is_written_once(opened, members):
    decision = adopted(opened, members)
    attempts = (
        lambda: Decision.objects.filter(pk=decision.pk).update(text=b"{}"),
        lambda: Decision.objects.filter(pk=decision.pk).update(summary="Nothing happened at all."),
        lambda: Vote.objects.filter(decision=decision).update(choice="reject"),
        lambda: Vote.objects.filter(decision=decision)._raw_delete("default"),
        lambda: decision.moves.update(words="otherwise"),
        lambda: decision.seats.update(recused="not wanted"),
        lambda: decision.evidence.update(sha256="1" * 64),
        lambda: decision.case.harmed.update(owed=1),
        lambda: decision.case.harmed.all()._raw_delete("default"),
    )
    for attempt in attempts:
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()
    assert Vote.objects.filter(decision=decision).count() == 3
