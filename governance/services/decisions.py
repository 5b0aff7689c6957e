"""The verbs of decisions, the same for every kind: draft, open, vote out, appeal, veto, and what time brings.

Times are rows. ``follow_decisions`` looks for those that have passed and makes the moves that are due; it may run
late, twice or in several places at once, because every move is made under the decision's lock and only from the
state it belongs to.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.canonical import canonical, digest
from governance.kinds import Moot, kind_of
from governance.models import (
    MOVES,
    CommitteeMember,
    Decision,
    DecisionMove,
    Seat,
    State,
    Verb,
    Veto,
    Vote,
)
from governance.selectors.committee import require_member, serving_members
from governance.selectors.decisions import panel_of, tally_of
from governance.selectors.parameters import parameter, span
from governance.services.ballots import open_votes
from governance.services.panels import draw_panel
from governance.tally import Outcome

log = logging.getLogger(__name__)

TEXT_VERSION = 1
MAX_ROUNDS = 2
LONGEST_PAUSE = timedelta(hours=1)


def draft_decision(
    kind: str, title: str, summary: str, proposer: AbstractBaseUser | None, now: datetime | None = None
) -> Decision:
    """A draft. Raises ``title_invalid`` and ``summary_invalid``."""
    title = " ".join(title.split())
    if not 5 <= len(title) <= 140:
        raise DomainError("title_invalid", "Give it a title of 5 to 140 characters.", field="title")
    if not 20 <= len(summary.strip()) <= 4000:
        raise DomainError(
            "summary_invalid",
            "Say in 20 to 4,000 characters what happened and why it matters.",
            field="summary",
        )
    return Decision.objects.create(
        kind=kind,
        title=title,
        summary=summary.strip(),
        proposer_id=proposer.pk if proposer else None,
        draft_ends=(now or timezone.now()) + span("case_draft_seconds"),
    )


def open_decision(decision: Decision, by: AbstractBaseUser, now: datetime | None = None) -> Decision:
    """Freeze the text of a draft and begin: the reply window, or the vote where the kind has none.

    By a serving member whom nothing bars from judging. Raises ``not_a_member``, ``member_recused``,
    ``conflicts_unknown``, ``decision_move_refused`` and what the kind refuses.
    """
    moment = now or timezone.now()
    _refuse_recused(decision, require_member(by.pk, moment))
    freeze_decision(decision, by, moment)
    follow_decision(decision.pk, moment)
    return Decision.objects.get(pk=decision.pk)


def freeze_decision(decision: Decision, by: AbstractBaseUser | None, now: datetime) -> None:
    """Write the canonical text of a draft and move it on: what ``open_decision`` does once ``by`` may.

    For services that open a decision as a consequence of another; nobody is ``by`` then.
    """
    kind = kind_of(decision)
    with transaction.atomic():
        locked = _locked(decision.pk)
        _target(locked, Verb.OPEN)
        content = {
            **kind.compose(locked),
            "action": kind.name,
            "decision": locked.pk,
            "version": TEXT_VERSION,
            "title": locked.title,
            "summary_sha256": digest(locked.summary.encode()),
        }
        locked.text = canonical(content)
        locked.digest = digest(locked.text)
        locked.reply_ends = now + span(kind.reply)
        kind.opened(locked)
        make_move(locked, Verb.OPEN, now, by)


def dismiss_draft(
    decision: Decision, by: AbstractBaseUser, words: str, now: datetime | None = None
) -> Decision:
    """Turn a draft away, with the reason published. Raises ``not_a_member``, ``member_recused``,
    ``words_missing``, ``decision_move_refused``."""
    moment = now or timezone.now()
    _refuse_recused(decision, require_member(by.pk, moment))
    with transaction.atomic():
        locked = _locked(decision.pk)
        _target(locked, Verb.DISMISS)
        _close(locked, Verb.DISMISS, moment, by, _words(words))
    return locked


def appeal_decision(
    decision: Decision, by: AbstractBaseUser, words: str, now: datetime | None = None
) -> Decision:
    """Ask a fresh panel: the party concerned against an adoption, the proposer against a rejection; once.

    Raises ``appeal_refused`` with the reason, ``words_missing``, ``decision_move_refused``, ``conflicts_unknown``.
    """
    moment = now or timezone.now()
    kind = kind_of(decision)
    recused = kind.conflicts(decision, serving_members(moment))
    with transaction.atomic():
        locked = _locked(decision.pk)
        _target(locked, Verb.APPEAL)
        adopted = locked.state == State.LOCKED
        last = locked.moves.last()
        if not kind.appeal or locked.round >= MAX_ROUNDS:
            raise DomainError("appeal_refused", "This decision is final: it cannot be appealed again.")
        if not adopted and (last is None or last.verb != Verb.REJECT):
            raise DomainError("appeal_refused", "Only what a panel has voted on can be appealed.")
        may = kind.parties(locked) if adopted else {locked.proposer_id}
        if by.pk not in may:
            who = "the party concerned" if adopted else "whoever brought it"
            raise DomainError("appeal_refused", f"Only {who} can appeal.")
        ends = locked.lock_ends if adopted else locked.appeal_ends
        if ends is None or moment >= ends:
            raise DomainError("appeal_refused", "The time to appeal has passed.")
        locked.round += 1
        locked.share_ppm = locked.lock_ends = locked.appeal_ends = locked.closed = None
        locked.problem = locked.option = ""
        if not adopted:
            kind.opened(locked)
        _begin_voting(locked, moment, recused)
        make_move(locked, Verb.APPEAL, moment, by, _words(words))
    return locked


def veto_decision(
    decision: Decision, by: AbstractBaseUser, words: str, now: datetime | None = None
) -> Decision:
    """A guardian objects to an adopted decision in its time lock; as many as its kind asks for stop it.

    Raises ``not_a_member``, ``veto_refused``, ``vetoed_already``, ``words_missing``, ``decision_move_refused``.
    """
    moment = now or timezone.now()
    member = require_member(by.pk, moment)
    needed = kind_of(decision).vetoes(decision)
    if not (needed and member.guardian):
        raise DomainError("veto_refused", "Only a guardian can veto, and only decisions that allow it.")
    with transaction.atomic():
        locked = _locked(decision.pk)
        _target(locked, Verb.VETO)
        _, is_new = Veto.objects.get_or_create(
            decision=locked, member=member, defaults={"words": _words(words), "at": moment}
        )
        if not is_new:
            raise DomainError("vetoed_already", "You have objected; another guardian must, too.")
        objections = objections_to(locked, moment)
        if len(objections) >= needed:
            said = "; ".join(f"{each.member.name}: {each.words}" for each in objections)
            _close(locked, Verb.VETO, moment, by, said[:500])
    return locked


def objections_to(decision: Decision, now: datetime) -> list[Veto]:
    """Vetoes of guardians who still serve, in order."""
    serving = serving_members(now).filter(guardian=True)
    return list(Veto.objects.filter(decision=decision, member__in=serving).select_related("member"))


def follow_decisions(due: list[int], now: datetime) -> int:
    """Make the moves that are due of these decisions; how many were made. One that cannot move is left for later."""
    moved = 0
    for number in due:
        try:
            moved += follow_decision(number, now)
        except DomainError as waits:
            log.warning("decision %s waits: %s", number, waits.message)
        except Exception:
            log.exception("decision %s could not be followed", number)
    return moved


def follow_decision(number: int, now: datetime) -> int:
    """Make the moves of one decision whose time has come; how many were made. Raises ``conflicts_unknown``."""
    moves = 0
    while _follow_once(number, now):
        moves += 1
        assert moves <= len(State), "a decision moves on or ends"
    return moves


def _follow_once(number: int, now: datetime) -> bool:
    decision = Decision.objects.get(pk=number)
    step = _STEPS.get(State(decision.state))
    return step(decision, now) if step else False


def _lapse_draft(decision: Decision, now: datetime) -> bool:
    with transaction.atomic():
        locked = _locked(decision.pk)
        if locked.state != State.DRAFT or not _is_over(locked.draft_ends, now):
            return False
        _close(locked, Verb.LAPSE, now, None, "Nobody opened it in time.")
    return True


def _begin(decision: Decision, now: datetime) -> bool:
    kind = kind_of(decision)
    if not _is_over(decision.reply_ends, now):
        return False
    recused = kind.conflicts(decision, serving_members(now))
    with transaction.atomic():
        locked = _locked(decision.pk)
        if locked.state != State.REPLY:
            return False
        _begin_voting(locked, now, recused)
        make_move(locked, Verb.BEGIN_VOTING, now)
    return True


def _end_voting(decision: Decision, now: datetime) -> bool:
    kind = kind_of(decision)
    with transaction.atomic():
        locked = _locked(decision.pk)
        if locked.state != State.VOTING:
            return False
        over = _is_over(locked.voting_ends, now)
        if not over and not kind.early:
            return False
        open_votes(locked)
        tally = tally_of(locked, now)
        if not over and tally.outcome != Outcome.CARRIED:
            return False
        words = (
            f"{tally.approve} for, {tally.reject} against, {tally.abstain} abstained, of {tally.seats} seats."
        )
        if tally.outcome == Outcome.CARRIED:
            locked.share_ppm, locked.option = tally.share_ppm, tally.option
            locked.lock_ends = now + span(kind.lock)
            make_move(locked, Verb.ADOPT, now, None, words)
        elif tally.outcome == Outcome.REFUSED:
            locked.appeal_ends = now + span(kind.appeal)
            _close(locked, Verb.REJECT, now, None, words)
        else:
            _close(locked, Verb.LAPSE, now, None, f"No quorum: {words}")
    return True


def _execute(decision: Decision, now: datetime) -> bool:
    """Execute, or say why not. Everything an execution does is in one transaction with the move that says so."""
    if not _is_over(decision.lock_ends, now):
        return False
    try:
        return _execute_once(decision, now)
    except Moot as moot:
        return _annul(decision, moot.message, now)
    except DomainError as refused:
        _note_problem(decision, refused.message, now)
    except Exception as broken:
        log.exception("decision %s could not be executed", decision.pk)
        _note_problem(
            decision, f"An error inside the platform ({type(broken).__name__}); nothing was moved.", now
        )
    return False


def _execute_once(decision: Decision, now: datetime) -> bool:
    kind = kind_of(decision)
    seated = [seat.member for seat in panel_of(decision, now)]
    recused = kind.conflicts(decision, seated)
    with transaction.atomic():
        locked = _locked(decision.pk)
        if locked.state != State.LOCKED or not _is_over(locked.lock_ends, now):
            return False
        tally = tally_of(locked, now, recused)
        if tally.outcome != Outcome.CARRIED:
            words = f"The votes that count at execution do not carry it: {tally.approve} for of {tally.seats} seats."
            _close(locked, Verb.ANNUL, now, None, words)
            return True
        locked.share_ppm, locked.option = tally.share_ppm, tally.option
        locked.receipt = kind.execute(locked, now)
        locked.attempts += 1
        locked.problem = ""
        locked.retry_at = None
        locked.closed = now
        make_move(locked, Verb.EXECUTE, now)
    return True


def _annul(decision: Decision, words: str, now: datetime) -> bool:
    with transaction.atomic():
        locked = _locked(decision.pk)
        if locked.state != State.LOCKED:
            return False
        _close(locked, Verb.ANNUL, now, None, words)
    return True


def _note_problem(decision: Decision, message: str, now: datetime) -> None:
    with transaction.atomic():
        locked = _locked(decision.pk)
        if locked.state == State.LOCKED:
            locked.attempts += 1
            locked.problem = message[:300]
            locked.retry_at = now + min(timedelta(seconds=15 * 2 ** min(locked.attempts, 8)), LONGEST_PAUSE)
            locked.save(update_fields=["attempts", "problem", "retry_at"])


def _begin_voting(locked: Decision, now: datetime, recused: dict[int, str]) -> None:
    """Seat the panel of the present round: recusals first, then the lot where there are too many.

    On appeal those who have voted do not sit, unless too few are left. The lot falls by the end of a window that was
    announced before: that of the reply, on appeal that of the first vote.
    """
    kind = kind_of(locked)
    announced = (locked.voting_ends if locked.round > 1 else locked.reply_ends) or now
    locked.voting_ends = now + span(kind.voting)
    members = [member for member in serving_members(now) if member.guardian or not kind.guardians_only]
    reasons = {member.pk: recused.get(member.pk, "") for member in members}
    voted = set(Vote.objects.filter(decision=locked).values_list("member_id", flat=True))
    fresh = [member for member in members if not reasons[member.pk] and member.pk not in voted]
    if locked.round > 1 and len(fresh) >= parameter("panel_seats_count"):
        for member in members:
            if member.pk in voted and not reasons[member.pk]:
                reasons[member.pk] = "Judged this case before the appeal."
    if kind.drawn:
        reasons |= draw_panel(locked, [member.pk for member in members if not reasons[member.pk]], announced)
    Seat.objects.bulk_create(
        Seat(decision=locked, round=locked.round, member=member, recused=reasons[member.pk][:200])
        for member in members
    )


def _refuse_recused(decision: Decision, member: CommitteeMember) -> None:
    reason = kind_of(decision).conflicts(decision, [member]).get(member.pk)
    if reason:
        raise DomainError("member_recused", f"You do not judge this: {reason}")


def _locked(number: int) -> Decision:
    return Decision.objects.select_for_update().get(pk=number)


def _target(locked: Decision, verb: Verb) -> State:
    target = MOVES[State(locked.state)].get(verb)
    if target is None:
        raise DomainError(
            "decision_move_refused",
            f"{locked.title}: {locked.get_state_display().lower()}; it cannot be {verb.label.lower()} now.",
        )
    return target


def make_move(
    locked: Decision, verb: Verb, now: datetime, by: AbstractBaseUser | None = None, words: str = ""
) -> DecisionMove:
    """Make a move of a decision locked in the caller's transaction, and its row. Raises ``decision_move_refused``."""
    locked.state = _target(locked, verb)
    locked.save()
    move = DecisionMove.objects.create(
        decision=locked, verb=verb, state=locked.state, round=locked.round,
        by_id=by.pk if by else None, words=words, at=now,
    )  # fmt: skip
    transaction.on_commit(partial(kind_of(locked).told, locked, move), robust=True)
    return move


def _close(locked: Decision, verb: Verb, now: datetime, by: AbstractBaseUser | None, words: str) -> None:
    """A move that ends a decision without execution: what it held is let go in the same transaction."""
    locked.closed = now
    if locked.digest:
        kind_of(locked).released(locked)
    make_move(locked, verb, now, by, words)


def _is_over(end: datetime | None, now: datetime) -> bool:
    return end is not None and now >= end


def _words(words: str) -> str:
    text = " ".join(words.split())
    if not 10 <= len(text) <= 500:
        raise DomainError("words_missing", "Give the reason in 10 to 500 characters.", field="words")
    return text


_STEPS: dict[State, Callable[[Decision, datetime], Any]] = {
    State.DRAFT: _lapse_draft,
    State.REPLY: _begin,
    State.VOTING: _end_voting,
    State.LOCKED: _execute,
}
