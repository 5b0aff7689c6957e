"""Who votes, on what, proved how: the committee's row of the list of attacks."""

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Direction, Transfer
from exchange_os.operations.models import AuditEvent
from governance.canonical import canonical, digest
from governance.models import Decision, State, Vote, VoteChallenge
from governance.selectors.ballots import said_in
from governance.selectors.decisions import content_of, pending_for, tally_of
from governance.services.ballots import open_votes
from governance.services.committee import declare_conflict, remove_member, seat_founder, seat_member
from governance.services.decisions import dismiss_draft, follow_decision, open_decision
from governance.services.proofs import Code
from governance.services.votes import TRIES_A_CHALLENGE, cast_vote, prepare_vote
from tests.governance.conftest import Opened, drafted, user_named
from tests.governance.factors import codes, enrol, vote

WORDS = "As the evidence shows."


@pytest.fixture
def voting(opened) -> Opened:
    """The case when its vote has begun."""
    follow_decision(opened.decision.pk, opened.votes)
    opened.decision.refresh_from_db()
    return opened


def refusal(call, *arguments):
    """The code of a refusal; no vote was cast by it."""
    before = Vote.objects.count()
    with pytest.raises(DomainError) as refused:
        call(*arguments)
    assert Vote.objects.count() == before
    return refused.value.code


def prepared(course, member, choice="approve", share=600_000):
    return prepare_vote(course.decision, member.user, choice, share, WORDS, course.votes)


def test_only_members_of_the_panel_vote(voting, members, harmed):
    assert refusal(prepare_vote, voting.decision, harmed[0], "approve", 600_000, WORDS) == "not_a_member"
    late = seat_member(user_named("late"), "Late", timezone.now() + timedelta(days=365))
    enrol(late.user)
    assert refusal(prepared, voting, late) == "no_seat"


def test_a_share_lies_within_the_range_of_the_offence(voting, members):
    for share in (0, 499_999, 1_000_001):
        assert refusal(prepared, voting, members[0], "approve", share) == "share_out_of_range"
    assert refusal(prepared, voting, members[0], "approve", None) == "share_missing"
    assert said_in(prepared(voting, members[0], "reject", 900_000)).share_ppm is None


def test_a_vote_needs_reasons_and_a_second_factor(voting, members):
    assert (
        refusal(prepare_vote, voting.decision, members[0].user, "reject", None, "No.", voting.votes)
        == "rationale_missing"
    )
    for words in ("Ten letters\0 and a byte that no text has", "A half of a sign \ud800 of two"):
        assert (
            refusal(prepare_vote, voting.decision, members[0].user, "reject", None, words, voting.votes)
            == "rationale_missing"
        )
    members[0].user.authenticator_set.all().delete()
    assert refusal(prepared, voting, members[0]) == "second_factor_missing"


def test_the_signed_message_names_the_digest_of_the_stored_bytes_and_the_whole_vote(voting, members):
    made = vote(voting.decision, members[0], "approve", 600_000, voting.votes)
    signed = said_in(made)
    said = json.loads(signed.message)
    assert made.digest == sha256(signed.message).hexdigest()
    assert said["digest"] == sha256(bytes(voting.decision.text)).hexdigest() == voting.decision.digest
    assert (said["decision"], said["round"], said["voter"]) == (voting.decision.pk, 1, members[0].user_id)
    assert (said["choice"], said["share_ppm"], said["rationale"]) == ("approve", 600_000, WORDS)
    assert made.method == "totp"


def rows_of(table):
    """Every column of every row of a table, binary ones as text where they are text."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t)::text || encode(t.message, 'escape') FROM {table} t")
        return "".join(row for (row,) in cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_a_sealed_vote_is_nowhere_in_the_clear_until_its_time_is_up(voting, members):
    """Whoever reads the tables, the audit trail or the pages learns who has voted and nothing else."""
    vote(voting.decision, members[0], "reject", None, voting.votes)
    replaced = Vote.objects.get()
    vote(voting.decision, members[0], "approve", 600_000, voting.votes)
    vote(voting.decision, members[1], "approve", 800_000, voting.votes)
    for table in ("governance_vote", "governance_votechallenge"):
        told = rows_of(table)
        assert not any(word in told for word in (WORDS, "approve", "reject", "600000", "800000"))
    trail = AuditEvent.objects.filter(table_name="governance_vote")
    assert [event.after["choice"] for event in trail] == ["", "", ""]
    page = Client().get(f"/governance/{voting.decision.pk}/").content.decode()
    assert Vote.objects.last().digest in page
    assert WORDS not in page

    follow_decision(voting.decision.pk, voting.locks)
    assert [(each.choice, each.share_ppm, each.rationale) for each in Vote.objects.order_by("pk")[1:]] == [
        ("approve", 600_000, WORDS), ("approve", 800_000, WORDS),
    ]  # fmt: skip
    replaced.refresh_from_db()
    assert (replaced.choice, bool(replaced.sealed)) == ("", True), "one that was replaced is never opened"
    opened = AuditEvent.objects.filter(table_name="governance_vote", op="UPDATE")
    assert [(event.before["choice"], event.after["choice"]) for event in opened] == [("", "approve")] * 2
    page = Client().get(f"/governance/{voting.decision.pk}/").content.decode()
    assert page.count(WORDS) >= 2
    assert all(each.digest in page for each in Vote.objects.exclude(pk=replaced.pk))


def test_a_vote_opens_into_what_was_signed_and_nothing_else(voting, members):
    made = vote(voting.decision, members[0], "approve", 600_000, voting.votes)
    said = said_in(made)
    right = {
        "sealed": b"", "message": said.message, "choice": "approve", "share_ppm": 600_000, "option": "",
        "rationale": WORDS,
    }  # fmt: skip
    other = said.message.replace(b"600000", b"900000")
    for wrong in (
        {"message": other, "share_ppm": 900_000}, {"choice": "reject", "share_ppm": None}, {"share_ppm": 900_000},
        {"rationale": "Otherwise."}, {"member": members[1]}, {"round": 2}, {"sealed": b"still"}, {"digest": "0" * 64},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            Vote.objects.filter(pk=made.pk).update(**right | wrong)
    made.refresh_from_db()
    assert (made.choice, bytes(made.message), bool(made.sealed)) == ("", b"", True)
    Vote.objects.filter(pk=made.pk).update(**right)
    with pytest.raises(IntegrityError), transaction.atomic():
        Vote.objects.filter(pk=made.pk).update(**right)


def test_votes_whose_key_is_gone_wait_for_it_and_are_never_counted_unread(voting, members, settings):
    for member in members[:2]:
        vote(voting.decision, member, "approve", 600_000, voting.votes)
    kept = settings.SECRET_KEY
    settings.SECRET_KEY = "another key of fifty characters, which sealed none of it"
    with pytest.raises(DomainError) as refused:
        follow_decision(voting.decision.pk, voting.locks)
    assert refused.value.code == "vote_key_missing"
    voting.decision.refresh_from_db()
    assert voting.decision.state == State.VOTING
    assert all(each.sealed for each in Vote.objects.all())
    settings.SECRET_KEY = kept
    assert follow_decision(voting.decision.pk, voting.locks) == 1


def test_a_code_and_a_confirmation_are_good_once(voting, members):
    first, second = prepared(voting, members[0]), prepared(voting, members[0], "reject", None)
    code = codes(members[0].user)[0]
    cast_vote(members[0].user, first.pk, Code(code), voting.votes)
    assert refusal(cast_vote, members[0].user, second.pk, Code(code), voting.votes) == "proof_wrong"
    fresh = codes(members[0].user)[1]
    assert refusal(cast_vote, members[0].user, first.pk, Code(fresh), voting.votes) == "challenge_over"
    assert refusal(cast_vote, members[1].user, second.pk, Code(fresh), voting.votes) == "challenge_unknown"
    late = voting.votes + timedelta(minutes=6)
    assert refusal(cast_vote, members[0].user, second.pk, Code(fresh), late) == "challenge_over"


def test_codes_cannot_be_guessed(voting, members):
    tried = 0
    while True:
        challenge = prepared(voting, members[0])
        for _ in range(TRIES_A_CHALLENGE):
            code = refusal(cast_vote, members[0].user, challenge.pk, Code("000000"), voting.votes)
            if code == "too_many_attempts":
                assert tried == 15
                right = codes(members[0].user)[0]
                challenge = prepared(voting, members[0])
                assert (
                    refusal(cast_vote, members[0].user, challenge.pk, Code(right), voting.votes)
                    == "too_many_attempts"
                )
                return
            assert code == "proof_wrong"
            tried += 1
        assert (
            refusal(cast_vote, members[0].user, challenge.pk, Code("000000"), voting.votes)
            == "challenge_over"
        )


def test_a_vote_can_be_changed_until_the_end_and_the_last_one_counts(voting, members):
    vote(voting.decision, members[0], "approve", 600_000, voting.votes)
    vote(voting.decision, members[0], "reject", None, voting.votes)
    tally = tally_of(voting.decision, voting.votes)
    assert (tally.approve, tally.reject, tally.sealed, tally.cast) == (0, 0, 1, 1)
    assert Vote.objects.count() == 2
    assert (
        refusal(prepare_vote, voting.decision, members[0].user, "reject", None, WORDS, voting.locks)
        == "voting_closed"
    )
    follow_decision(voting.decision.pk, voting.locks)
    tally = tally_of(voting.decision, voting.locks)
    assert (tally.approve, tally.reject, tally.sealed, tally.cast) == (0, 1, 0, 1)


def test_a_confirmation_does_not_outlive_its_round(voting, members, venue):
    challenge = prepared(voting, members[2])
    Decision.objects.filter(pk=voting.decision.pk).update(round=2)
    voting.decision.seats.model.objects.create(decision=voting.decision, round=2, member=members[2])
    code = codes(members[2].user)[0]
    assert refusal(cast_vote, members[2].user, challenge.pk, Code(code), voting.votes) == "challenge_over"


def test_a_removed_member_neither_votes_nor_counts(voting, members):
    vote(voting.decision, members[0], "approve", 600_000, voting.votes)
    vote(voting.decision, members[1], "approve", 600_000, voting.votes)
    challenge = prepared(voting, members[2], "reject", None)
    remove_member(members[2], "Left the committee.", voting.votes)
    remove_member(members[1], "Left the committee.", voting.votes)
    code = codes(members[2].user)[0]
    assert refusal(cast_vote, members[2].user, challenge.pk, Code(code), voting.votes) == "not_a_member"
    follow_decision(voting.decision.pk, voting.locks)
    assert Decision.objects.get(pk=voting.decision.pk).state == State.EXPIRED


def test_a_vote_over_another_text_does_not_count(voting, members):
    made = vote(voting.decision, members[0], "approve", 600_000, voting.votes)
    said = json.loads(said_in(made).message) | {"digest": "0" * 64}
    forged = VoteChallenge.objects.create(
        decision=voting.decision, member=members[1], round=1, choice="approve", share_ppm=1_000_000,
        rationale=WORDS, message=canonical(said), created=voting.votes, expires=voting.locks,
    )  # fmt: skip
    Vote.objects.create(
        decision=voting.decision, member=members[1], round=1, choice="approve", share_ppm=1_000_000,
        rationale=WORDS, challenge=forged, message=forged.message, digest=digest(forged.message), method="totp",
        at=voting.votes,
    )  # fmt: skip
    assert open_votes(voting.decision) == 1
    assert tally_of(voting.decision, voting.votes).approve == 1


def test_a_text_that_does_not_fit_its_digest_is_a_broken_invariant(opened):
    decision = Decision.objects.get(pk=opened.decision.pk)
    assert content_of(decision)["offence"] == "false_settlement"
    decision.text = bytes(decision.text).replace(b"500000", b"100000")
    assert digest(decision.text) != decision.digest
    with pytest.raises(AssertionError):
        content_of(decision)


def test_a_declared_conflict_bars_from_opening_dismissing_and_voting(venue, members, harmed):
    declare_conflict(members[0], venue, "My brother works there.")
    case = drafted(venue, harmed[0])
    assert refusal(open_decision, case.decision, members[0].user) == "member_recused"
    assert refusal(dismiss_draft, case.decision, members[0].user, WORDS) == "member_recused"
    assert open_decision(case.decision, members[1].user).state == State.REPLY
    follow_decision(case.pk, timezone.now() + timedelta(days=3))
    case.decision.refresh_from_db()
    recused = {seat.member.name: seat.recused for seat in case.decision.seats.select_related("member")}
    assert recused == {"Ada": "My brother works there.", "Ben": "", "Cleo": ""}
    assert pending_for(members[0].user_id) == []
    assert pending_for(members[1].user_id) == [case.decision]


def test_whoever_would_be_paid_does_not_judge(venue, members, harmed):
    case = drafted(venue, harmed[0])
    usd = Asset.objects.get(symbol="USD")
    case.harmed.create(account=20, user=members[2].user, asset=usd, loss=1, owed=1)
    assert refusal(open_decision, case.decision, members[2].user) == "member_recused"


def test_a_conflict_that_came_up_since_bars_at_the_vote(voting, members, venue):
    challenge = prepared(voting, members[0])
    usd = Asset.objects.get(symbol="USD")
    Transfer.objects.create(
        direction=Direction.DEPOSIT, user=members[0].user, group_id=venue.group_id, account=16, asset=usd,
        amount=1, issued_ms=1,
    )  # fmt: skip
    code = codes(members[0].user)[0]
    assert refusal(cast_vote, members[0].user, challenge.pk, Code(code), voting.votes) == "member_recused"


def test_the_deployer_as_a_member_does_not_judge_themselves(venue, members, deployer):
    seat_member(deployer, "Dan", timezone.now() + timedelta(days=365))
    case = drafted(venue, None)
    assert refusal(open_decision, case.decision, deployer) == "member_recused"


def test_a_committee_that_can_decide_seats_nobody_by_command(members):
    with pytest.raises(DomainError) as refused:
        seat_founder(user_named("friend"), "Friend", timezone.now() + timedelta(days=9))
    assert refused.value.code == "committee_complete"
