"""Voting: a member says what they want, sees the exact effect, and proves a second factor for this one vote."""

import re
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.sealing import seal
from exchange_os.ui.access import has_second_factor
from governance.canonical import canonical, digest
from governance.kinds import kind_of
from governance.models import Choice, CommitteeMember, Decision, Seat, State, Vote, VoteChallenge
from governance.selectors.ballots import PURPOSE, Said, said_in
from governance.selectors.committee import require_member
from governance.selectors.decisions import content_of
from governance.services.decisions import follow_decision
from governance.services.proofs import Proof, Proved, prove

CHALLENGE_TIME = timedelta(minutes=5)
TRIES_A_CHALLENGE = 5
TRIES_AN_HOUR = 15
#: What PostgreSQL cannot keep in a text: a vote with it could never be opened.
UNWRITABLE = re.compile("[\\x00\\ud800-\\udfff]")


def prepare_vote(
    decision: Decision,
    user: AbstractBaseUser,
    choice: str,
    share_ppm: int | None,
    rationale: str,
    now: datetime | None = None,
    option: str = "",
) -> VoteChallenge:
    """A vote that waits for its proof. ``share_ppm`` or ``option`` go with a vote for, where the kind has such.

    Raises ``not_a_member``, ``voting_closed``, ``no_seat``, ``member_recused``, ``conflicts_unknown``,
    ``choice_invalid``, ``option_missing``, ``share_missing``, ``share_out_of_range``,
    ``rationale_missing``, ``second_factor_missing``.
    """
    moment = now or timezone.now()
    member = _may_vote(decision, user, moment)
    if not has_second_factor(user):
        raise DomainError(
            "second_factor_missing",
            "A vote is proved with a passkey or an authenticator app. Add one on the security page first.",
        )
    if choice not in Choice.values:
        raise DomainError("choice_invalid", "Vote for, against, or abstain.", field="choice")
    share_ppm = _checked_share(decision, choice, share_ppm)
    option = _checked_option(decision, choice, option)
    words = rationale.strip()
    if not 10 <= len(words) <= 2000 or UNWRITABLE.search(words):
        raise DomainError(
            "rationale_missing", "Give your reasons in 10 to 2,000 characters; they are published.",
            field="rationale",
        )  # fmt: skip
    message = {
        "decision": decision.pk,
        "digest": decision.digest,
        "round": decision.round,
        "voter": user.pk,
        "choice": choice,
        "share_ppm": share_ppm,
        "option": option,
        "rationale": words,
        "nonce": secrets.token_hex(16),
    }
    signed = canonical(message)
    if kind_of(decision).early:
        text = {
            "choice": choice,
            "share_ppm": share_ppm,
            "option": option,
            "rationale": words,
            "message": signed,
        }
    else:
        text = {"sealed": seal(PURPOSE, signed)}
    return VoteChallenge.objects.create(
        decision=decision, member=member, round=decision.round, created=moment, expires=moment + CHALLENGE_TIME,
        **text,
    )  # fmt: skip


def challenge_of(user: AbstractBaseUser, number: int, now: datetime | None = None) -> VoteChallenge:
    """The user's own vote that waits for its proof. Raises ``challenge_unknown``, ``challenge_over``."""
    challenge = (
        VoteChallenge.objects.filter(pk=number, member__user_id=user.pk)
        .select_related("decision", "member")
        .first()
    )
    if challenge is None:
        raise DomainError("challenge_unknown", "There is no such vote of yours to confirm.")
    _refuse_spent(challenge, now or timezone.now())
    return challenge


def cast_vote(user: AbstractBaseUser, number: int, proof: Proof, now: datetime | None = None) -> Vote:
    """Cast a prepared vote with its proof; a wrong proof counts against the member and changes nothing else.

    Raises ``challenge_unknown``, ``challenge_over``, ``too_many_attempts``, ``proof_wrong``,
    ``vote_key_missing`` and what ``prepare_vote`` raises about the voter.
    """
    moment = now or timezone.now()
    _may_vote(challenge_of(user, number, moment).decision, user, moment)
    with transaction.atomic():
        challenge = VoteChallenge.objects.select_for_update().get(pk=number)
        _refuse_spent(challenge, moment)
        _refuse_guessing(challenge.member_id, moment)
        said = said_in(challenge)
        proved = prove(user, said.message, proof)
        if proved is None:
            challenge.attempts += 1
            challenge.save(update_fields=["attempts"])
        else:
            vote = _record(challenge, said, proved, moment)
    if proved is None:
        raise DomainError("proof_wrong", "That did not prove it is you. Try again.", field="code")
    if kind_of(vote.decision).early:
        follow_decision(vote.decision_id, moment)
    return vote


def _record(challenge: VoteChallenge, said: Said, proved: Proved, now: datetime) -> Vote:
    decision = Decision.objects.select_for_update().get(pk=challenge.decision_id)
    _refuse_closed(decision, now)
    if decision.round != challenge.round or decision.digest != said.digest:
        raise DomainError("challenge_over", "The decision has moved on since; look at it again.")
    challenge.used = now
    challenge.save(update_fields=["used"])
    return Vote.objects.create(
        decision=decision, round=challenge.round, member_id=challenge.member_id, choice=challenge.choice,
        share_ppm=challenge.share_ppm, option=challenge.option, rationale=challenge.rationale,
        challenge=challenge, method=proved.method, message=challenge.message, sealed=challenge.sealed,
        digest=digest(said.message), proof=proved.kept, at=now,
    )  # fmt: skip


def _may_vote(decision: Decision, user: AbstractBaseUser, now: datetime) -> CommitteeMember:
    """The user's present term, if they sit on the panel and nothing bars them now."""
    member = require_member(user.pk, now)
    _refuse_closed(decision, now)
    seat = Seat.objects.filter(decision=decision, round=decision.round, member=member).first()
    if seat is None:
        raise DomainError("no_seat", "You do not sit on the panel of this decision.")
    reason = seat.recused or kind_of(decision).conflicts(decision, [member]).get(member.pk)
    if reason:
        raise DomainError("member_recused", f"You do not judge this: {reason}")
    return member


def _refuse_closed(decision: Decision, now: datetime) -> None:
    if decision.state != State.VOTING or decision.voting_ends is None or now >= decision.voting_ends:
        raise DomainError("voting_closed", "This decision is not being voted on.")


def _refuse_spent(challenge: VoteChallenge, now: datetime) -> None:
    if challenge.used or now >= challenge.expires or challenge.attempts >= TRIES_A_CHALLENGE:
        raise DomainError("challenge_over", "This confirmation is used up or too old; vote anew.")


def _refuse_guessing(member_id: int, now: datetime) -> None:
    hour = VoteChallenge.objects.filter(member=member_id, created__gt=now - timedelta(hours=1))
    if (hour.aggregate(wrong=Sum("attempts"))["wrong"] or 0) >= TRIES_AN_HOUR:
        raise DomainError("too_many_attempts", "Too many wrong codes; wait an hour.")


def _checked_option(decision: Decision, choice: str, option: str) -> str:
    kind = kind_of(decision)
    if kind.options is None or choice == Choice.ABSTAIN:
        return ""
    if choice != Choice.APPROVE or option not in kind.options(content_of(decision)):
        raise DomainError("option_missing", "Choose one of the verdicts, or abstain.", field="choice")
    return option


def _checked_share(decision: Decision, choice: str, share_ppm: int | None) -> int | None:
    kind = kind_of(decision)
    if kind.share_range is None or choice != Choice.APPROVE:
        return None
    low, high = kind.share_range(content_of(decision))
    if share_ppm is None:
        raise DomainError("share_missing", "Say which share of the stake to slash.", field="share")
    if not low <= share_ppm <= high:
        raise DomainError(
            "share_out_of_range",
            f"This offence is slashed by {low / 10_000:g}% to {high / 10_000:g}%.",
            field="share",
        )
    return share_ppm
