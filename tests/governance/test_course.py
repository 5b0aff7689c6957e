"""The course of a case from draft to executed slash, by the services."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from exchange_os.engine.models import JournalBatch, RiskGroup
from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, Asset, Slash
from exchange_os.ledger.selectors import balance, burned_units, holds_on, stake_balance, wallet_balance
from governance.draw import drawn, seed_of
from governance.models import Case, Decision, Harmed, PanelDraw, Seat, State
from governance.selectors.decisions import due_decisions, effect_of, panel_of, tally_of
from governance.services.cases import draft_case
from governance.services.committee import declare_conflict, seat_member
from governance.services.decisions import (
    appeal_decision,
    dismiss_draft,
    follow_decision,
    follow_decisions,
    open_decision,
)
from governance.services.panels import NOT_DRAWN, draw_holds
from tests.governance.conftest import OKB_UNIT, STAKE, adopted, drafted, user_named
from tests.governance.factors import vote


def test_a_case_goes_from_draft_to_executed_slash(opened, members, venue, harmed):
    deployer = venue.deployer.user
    assert [hold.case for hold in holds_on(deployer.pk)] == [str(opened.decision.pk)]
    decision = adopted(opened, members)
    assert (decision.state, decision.share_ppm) == (State.LOCKED, 600_000)
    follow_decision(decision.pk, opened.locks)  # the lock is not over
    assert Decision.objects.get(pk=decision.pk).state == State.LOCKED
    follow_decision(decision.pk, opened.executes)
    decision.refresh_from_db()
    okb = Asset.objects.get(symbol="OKB")
    assert decision.state == State.EXECUTED
    assert stake_balance(deployer.pk) == STAKE * 4 // 10
    assert [wallet_balance(user.pk, okb) for user in harmed] == [10 * OKB_UNIT, 2 * OKB_UNIT]
    assert burned_units(okb) == 588 * OKB_UNIT
    assert balance(AccountKind.INSURANCE, venue.group_id, okb.pk) == 0
    assert decision.receipt == {
        "slash": Slash.objects.get().pk, "share_ppm": 600_000, "slashed": 600 * OKB_UNIT,
        "harmed": 12 * OKB_UNIT, "insurance": 0, "burned": 588 * OKB_UNIT,
    }  # fmt: skip
    assert list(Harmed.objects.values_list("paid", flat=True)) == [10 * OKB_UNIT, 2 * OKB_UNIT]
    assert not holds_on(deployer.pk)
    assert [move.verb for move in decision.moves.all()] == ["open", "begin_voting", "adopt", "execute"]


def test_an_appeal_gives_the_case_to_all_again_where_no_fresh_panel_is_left(opened, members, venue):
    decision = adopted(opened, members)
    appeal_decision(decision, venue.deployer.user, "The source was corrected an hour later.", opened.locks)
    decision.refresh_from_db()
    assert (decision.state, decision.round) == (State.VOTING, 2)
    assert tally_of(decision, opened.locks).cast == 0
    assert tally_of(decision, opened.locks).seats == 3


def test_what_is_due_is_found_and_followed(opened):
    assert due_decisions(opened.opened) == []
    assert due_decisions(opened.votes) == [opened.decision.pk]
    assert follow_decisions([opened.decision.pk], opened.votes) == 1
    assert due_decisions(opened.votes) == []


def test_the_effect_is_rendered_from_the_stored_bytes(opened):
    decision = Decision.objects.get(pk=opened.decision.pk)
    lines = {line.label: line.text for line in effect_of(decision)}
    assert lines["Amount"].startswith("50% to 100% of that (500 OKB to 1,000 OKB)")
    assert lines["First"] == "2 harmed accounts, up to 12 OKB, pro rata"


def test_a_draft_without_a_finding_is_not_opened(venue, members, harmed):
    now = timezone.now()
    bare = draft_case(
        members[0].user, venue, "false_settlement", now, "No finding yet", "Somebody said so somewhere."
    )
    with pytest.raises(DomainError) as refused:
        open_decision(bare.decision, members[0].user, now)
    assert refused.value.code == "evidence_missing"
    bare.decision.refresh_from_db()
    assert (bare.decision.state, bare.decision.digest) == (State.DRAFT, "")
    assert not holds_on(venue.deployer.user_id)


def test_anyone_may_complain_and_only_members_open(venue, members, harmed):
    case = drafted(venue, harmed[0])
    assert case.complaint
    with pytest.raises(DomainError) as refused:
        open_decision(case.decision, harmed[0])
    assert refused.value.code == "not_a_member"
    assert open_decision(case.decision, members[1].user).state == State.REPLY


def test_complaints_are_bounded(venue, harmed):
    for number in range(3):
        drafted(venue, harmed[0], f"event {number}")
    with pytest.raises(DomainError) as refused:
        drafted(venue, harmed[0], "event 3")
    assert refused.value.code == "too_many_complaints"
    assert Case.objects.count() == 3


def test_a_draft_lapses_and_a_dismissed_one_says_why(venue, members, harmed):
    lapsing, dismissed = drafted(venue, harmed[0]), drafted(venue, harmed[0], "event 1")
    follow_decision(lapsing.pk, lapsing.decision.draft_ends)
    dismiss_draft(dismissed.decision, members[0].user, "The same as decision 1, which is open.")
    states = dict(Decision.objects.values_list("pk", "state"))
    assert states == {lapsing.pk: State.EXPIRED, dismissed.pk: State.REJECTED}
    assert dismissed.decision.moves.get().words == "The same as decision 1, which is open."


def test_without_a_quorum_a_case_expires_and_lets_the_stake_go(opened, members, venue):
    follow_decision(opened.decision.pk, opened.votes)
    vote(opened.decision, members[0], "approve", 500_000, opened.votes)
    follow_decision(opened.decision.pk, opened.locks)
    opened.decision.refresh_from_db()
    assert opened.decision.state == State.EXPIRED
    assert not holds_on(venue.deployer.user_id)
    assert stake_balance(venue.deployer.user_id) == STAKE


def test_a_rejected_case_can_be_appealed_by_whoever_brought_it(opened, members, venue):
    follow_decision(opened.decision.pk, opened.votes)
    for member in members[1:]:
        vote(opened.decision, member, "reject", None, opened.votes)
    follow_decision(opened.decision.pk, opened.locks)
    assert not holds_on(venue.deployer.user_id)
    with pytest.raises(DomainError) as refused:
        appeal_decision(opened.decision, venue.deployer.user, "I like how it went.", opened.locks)
    assert refused.value.code == "appeal_refused"
    late = opened.locks + timedelta(days=2)
    with pytest.raises(DomainError):
        appeal_decision(opened.decision, members[0].user, "The replay was not looked at.", late)
    appeal_decision(opened.decision, members[0].user, "The replay was not looked at.", opened.locks)
    opened.decision.refresh_from_db()
    assert (opened.decision.state, opened.decision.round) == (State.VOTING, 2)
    assert [hold.case for hold in holds_on(venue.deployer.user_id)] == [str(opened.decision.pk)]


def test_a_fresh_panel_leaves_out_those_who_have_voted(opened, members, venue):
    until = timezone.now() + timedelta(days=365)
    seat_member(user_named("dora"), "Dora", until)
    seat_member(user_named("emil"), "Emil", until)
    decision = adopted(opened, members)
    appeal_decision(decision, venue.deployer.user, "The source was corrected an hour later.", opened.locks)
    panel = panel_of(Decision.objects.get(pk=decision.pk), opened.locks)
    assert sorted(seat.member.name for seat in panel) == ["Dora", "Emil"]
    reasons = Seat.objects.filter(decision=decision, round=2).exclude(recused="")
    assert {seat.recused for seat in reasons} == {"Judged this case before the appeal."}
    with pytest.raises(DomainError) as refused:
        vote(decision, members[0], "approve", 600_000, opened.locks)
    assert refused.value.code == "member_recused"


def test_an_appeal_is_made_once(opened, members, venue):
    decision = adopted(opened, members)
    grounds = "The source was corrected an hour later."
    appeal_decision(decision, venue.deployer.user, grounds, opened.locks)
    Decision.objects.filter(pk=decision.pk).update(state=State.LOCKED, lock_ends=opened.executes)
    with pytest.raises(DomainError) as refused:
        appeal_decision(decision, venue.deployer.user, grounds, opened.locks)
    assert refused.value.code == "appeal_refused"
    assert Decision.objects.get(pk=decision.pk).round == 2


def many(members):
    """The committee with eight members more."""
    until = timezone.now() + timedelta(days=365)
    return [*members, *(seat_member(user_named(f"m{at}"), f"Member {at}", until) for at in range(8))]


def test_a_panel_is_drawn_by_lot_after_the_recusals_and_anybody_can_draw_it_again(venue, members):
    committee = many(members)
    declare_conflict(members[2], venue, "I used to work there.")
    case = drafted(venue, None)
    open_decision(case.decision, members[0].user)
    decision = Decision.objects.get(pk=case.pk)
    moment = decision.reply_ends - timedelta(seconds=60)
    groups = [venue.group_id, RiskGroup.objects.create().pk]
    for group in groups:
        for place, after in enumerate((-1, 1)):
            JournalBatch.objects.create(
                group_id=group, first_sequence=place + 1, last_sequence=place + 1, epoch=1, commands=b"",
                hash=bytes([place]) * 32, previous_hash=b"", stream_cursor="0-0",
                now_ms=int(moment.timestamp() * 1000) + after,
            )  # fmt: skip
    follow_decision(decision.pk, decision.reply_ends + timedelta(hours=3))
    draw = PanelDraw.objects.get()
    # As of the announced moment, however late the sweep comes: only the first batch of each counts.
    assert draw.heads == [[group, 1, "00" * 32] for group in groups]
    assert draw.seed == seed_of(decision.digest, 1, [(group, 1, "00" * 32) for group in reversed(groups)])
    judges = [member.pk for member in committee if member != members[2]]
    assert (draw.members, draw.seats) == (sorted(judges), 9)
    panel = {seat.member_id for seat in panel_of(decision)}
    assert panel == set(drawn(draw.seed, judges, 9))
    assert tally_of(decision).seats == 9
    reasons = dict(Seat.objects.values_list("member", "recused"))
    assert [member for member in judges if reasons[member]] == [
        member for member in judges if member not in panel
    ]
    assert {reasons[member] for member in judges} == {"", NOT_DRAWN}
    assert reasons[members[2].pk] not in ("", NOT_DRAWN)
    assert draw_holds(draw)
    draw.seed = "0" * 64
    assert not draw_holds(draw)
    with pytest.raises(IntegrityError), transaction.atomic():
        draw.save()


def test_a_small_committee_judges_whole(opened, members):
    follow_decision(opened.decision.pk, opened.votes)
    assert not PanelDraw.objects.exists()
    assert tally_of(Decision.objects.get(pk=opened.decision.pk)).seats == 3
