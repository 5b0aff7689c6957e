"""The two-person rule: a dangerous act is asked for by one member and done only when another has approved it.

What is approved is a digest over venue, act and exact parameters, so nothing else can be done than what the second
person read. Where nobody else at the venue could approve, the act waits ``lock_hours`` instead, in public view, and is
done by the clock. Each act is registered by the module that can do it, with the role it needs.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from exchange_os.errors import DomainError
from venues.models import PENDING_MOVES, PendingAct, PendingState, Role, Venue, VenueMember
from venues.services.acts import note_act
from venues.services.roles import require_role, roles_of

log = logging.getLogger(__name__)

EXPIRES_HOURS = 72
STUCK_MINUTES = 5
Perform = Callable[[AbstractBaseUser, Venue, dict[str, Any]], Any]


@dataclass(frozen=True)
class DangerousAct:
    """An act of two people: what it is called, who may ask for it and approve, how long it waits where there is one."""

    name: str
    label: str
    role: Role
    lock_hours: int
    perform: Perform


ACTS: dict[str, DangerousAct] = {}


def dangerous(name: str, label: str, role: Role, lock_hours: int = 24) -> Callable[[Perform], Perform]:
    """Registers ``perform(user, venue, parameters)`` as a dangerous act.

    It may run again after a crash in the middle, so it must do no harm when what it does is done already.
    """

    def register(perform: Perform) -> Perform:
        ACTS[name] = DangerousAct(name, label, role, lock_hours, perform)
        return perform

    return register


def digest_of(venue_id: int, act: str, parameters: dict[str, Any]) -> str:
    """SHA-256 of venue, act and parameters as JSON with sorted keys and no spaces, in hex."""
    whole = {"venue": venue_id, "act": act, "parameters": parameters}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def request_act(
    user: AbstractBaseUser, venue: Venue, name: str, parameters: dict[str, Any], words: str
) -> PendingAct:
    """Ask for a dangerous act, with a reason that everybody may read (10 to 300 characters).

    Raises ``role_missing``, ``reason_missing``, ``act_waits`` if the very same waits already.
    """
    kind = ACTS[name]
    venue = require_role(user, venue, kind.role)
    reason = " ".join(words.split())
    if not 10 <= len(reason) <= 300:
        raise DomainError(
            "reason_missing", "Say in 10 to 300 characters why; traders can read it.", field="words"
        )
    now = timezone.now()
    alone = not _others(venue, user, kind.role)
    hours = kind.lock_hours if alone else EXPIRES_HOURS
    try:
        with transaction.atomic():
            pending = PendingAct.objects.create(
                venue=venue,
                act=name,
                parameters=parameters,
                digest=digest_of(venue.pk, name, parameters),
                words=reason,
                requested_by_id=user.pk,
                due=now + timedelta(hours=hours) if alone else None,
                expires=now
                + timedelta(hours=hours)
                + (timedelta(hours=EXPIRES_HOURS) if alone else timedelta(0)),
            )
            note_act(venue, user, "asked for", kind.label, words=reason, after=parameters)
    except IntegrityError as twice:
        raise DomainError("act_waits", "This very act waits already; withdraw it to ask anew.") from twice
    return pending


def approve_act(user: AbstractBaseUser, venue: Venue, act_id: int, digest: str) -> PendingAct:
    """Approve and do an act that another member asked for; ``digest`` is that of what was read.

    Raises ``role_missing``, ``act_over``, ``act_expired``, ``same_person``, ``digest_differs``, ``requester_gone``, or
    what doing it raises.
    """
    with transaction.atomic():
        pending = _locked(venue, act_id)
        kind = ACTS[pending.act]
        require_role(user, venue, kind.role)
        if pending.requested_by_id == user.pk:
            raise DomainError("same_person", "You asked for it; somebody else must approve.")
        if timezone.now() >= pending.expires:
            raise DomainError("act_expired", "Nobody approved it in time; ask for it anew.")
        if not digest == pending.digest == digest_of(venue.pk, pending.act, pending.parameters):
            raise DomainError("digest_differs", "This is not what was asked for; read it again.")
        if kind.role not in roles_of(pending.requested_by, venue):
            raise DomainError("requester_gone", "Who asked for it may not any more; ask for it anew.")
        pending.approved_by_id = user.pk
        _move(pending, PendingState.DOING)
        note_act(venue, user, "approved", kind.label, words=pending.words, after=pending.parameters)
    return _do(pending)


def withdraw_act(user: AbstractBaseUser, venue: Venue, act_id: int) -> PendingAct:
    """Take an act back: who asked, or anybody who could approve. Raises ``role_missing``, ``act_over``."""
    with transaction.atomic():
        pending = _locked(venue, act_id)
        if pending.requested_by_id != user.pk:
            require_role(user, venue, ACTS[pending.act].role)
        _move(pending, PendingState.WITHDRAWN)
        note_act(venue, user, "withdrew", ACTS[pending.act].label, before=pending.parameters)
    return pending


def waiting_acts(venue: Venue) -> QuerySet[PendingAct]:
    """What waits at the venue, newest first."""
    return PendingAct.objects.filter(venue=venue, state=PendingState.WAITING).select_related("requested_by")


def run_due_acts() -> int:
    """What the clock brings: acts of lone members whose time has come are done, those nobody approved expire, and those
    that were cut off in the middle are done again; how many were done."""
    now = timezone.now()
    stale = PendingAct.objects.filter(state=PendingState.WAITING, due=None, expires__lte=now)
    for pending in stale.select_related("venue"):
        with transaction.atomic():
            locked = PendingAct.objects.select_for_update().get(pk=pending.pk)
            if locked.state == PendingState.WAITING:
                _move(locked, PendingState.EXPIRED)
                note_act(
                    pending.venue, None, "let expire", ACTS[pending.act].label, before=pending.parameters
                )
    due = Q(state=PendingState.WAITING, due__lte=now)
    stuck = Q(state=PendingState.DOING, over__lte=now - timedelta(minutes=STUCK_MINUTES))
    done = 0
    for pending in PendingAct.objects.filter(due | stuck).order_by("pk"):
        if (claimed := _claim(pending.pk)) is not None:
            done += _do(claimed).state == PendingState.DONE
    return done


def _claim(act_id: int) -> PendingAct | None:
    """The act, being done now by this caller alone; None if it is no longer due or may not be done."""
    now = timezone.now()
    with transaction.atomic():
        pending = (
            PendingAct.objects.select_for_update(of=("self",))
            .select_related("venue", "venue__deployer", "requested_by")
            .get(pk=act_id)
        )
        if pending.state == PendingState.WAITING and pending.due and pending.due <= now:
            if ACTS[pending.act].role not in roles_of(pending.requested_by, pending.venue):
                _move(pending, PendingState.WITHDRAWN)
                return None
            _move(pending, PendingState.DOING)
            return pending
        if (
            pending.state == PendingState.DOING
            and pending.over
            and pending.over <= now - timedelta(minutes=STUCK_MINUTES)
        ):
            pending.over = now
            pending.save(update_fields=["over"])
            return pending
    return None


def _do(pending: PendingAct) -> PendingAct:
    """Do an act that is claimed. A refusal ends it and is raised to who approved; an engine that is away leaves it to
    the clock."""
    kind = ACTS[pending.act]
    actor = pending.approved_by or pending.requested_by
    try:
        kind.perform(actor, pending.venue, pending.parameters)
    except DomainError as refused:
        if refused.code in ("outcome_unknown", "busy"):
            log.warning("act %s of venue %s waits: %s", pending.act, pending.venue_id, refused.message)
            return pending
        _move(pending, PendingState.FAILED, refused.message)
        if pending.approved_by_id:
            raise
        return pending
    _move(pending, PendingState.DONE)
    return pending


def _move(pending: PendingAct, state: PendingState, error: str = "") -> None:
    if state not in PENDING_MOVES[pending.state]:
        raise DomainError("act_over", f"It is {pending.get_state_display().lower()} already.")
    pending.state, pending.error, pending.over = state, error[:300], timezone.now()
    pending.save(update_fields=["state", "error", "over", "approved_by"])


def _locked(venue: Venue, act_id: int) -> PendingAct:
    pending = (
        PendingAct.objects.select_for_update(of=("self",))
        .filter(venue=venue, pk=act_id)
        .select_related("venue", "venue__deployer", "requested_by")
        .first()
    )
    if pending is None:
        raise DomainError("act_unknown", "There is no such act.")
    return pending


def _others(venue: Venue, user: AbstractBaseUser, role: Role) -> bool:
    """Whether somebody besides the user could approve."""
    able = VenueMember.objects.filter(venue=venue, role__in=(role, Role.OWNER), user__is_active=True)
    deployer = get_user_model().objects.filter(pk=venue.deployer.user_id, is_active=True)
    return able.exclude(user_id=user.pk).exists() or deployer.exclude(pk=user.pk).exists()
