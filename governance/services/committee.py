"""Seating and removing members. Whoever calls has the right: a decision that was carried, or the first seating."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.models import CommitteeMember, ConflictDeclaration
from governance.selectors.committee import serving_members
from venues.models import Venue

#: From as many serving members on the committee changes itself by its own decisions only.
FOUNDERS = 3


def seat_member(
    user: AbstractBaseUser,
    name: str,
    until: datetime,
    *,
    guardian: bool = False,
    now: datetime | None = None,
) -> CommitteeMember:
    """Begin a term. Raises ``name_invalid``, ``term_invalid``, ``member_serves`` (one term at a time)."""
    moment = now or timezone.now()
    name = " ".join(name.split())
    if not 2 <= len(name) <= 60:
        raise DomainError("name_invalid", "A member's public name has 2 to 60 characters.", field="name")
    if until <= moment:
        raise DomainError("term_invalid", "A term ends after it begins.", field="until")
    try:
        with transaction.atomic():
            CommitteeMember.objects.filter(user_id=user.pk, removed=None, until__lte=moment).update(
                removed=moment, removed_reason="The term ended."
            )
            return CommitteeMember.objects.create(
                user_id=user.pk, name=name, since=moment, until=until, guardian=guardian
            )
    except IntegrityError as exists:
        raise DomainError("member_serves", f"{name} serves already; one term at a time.") from exists


def seat_founder(
    user: AbstractBaseUser, name: str, until: datetime, *, guardian: bool = False
) -> CommitteeMember:
    """Seat one of the first members. Raises ``committee_complete`` once the committee can decide by itself."""
    with transaction.atomic():
        if len(serving_members().select_for_update(of=("self",))) >= FOUNDERS:
            raise DomainError(
                "committee_complete",
                "The committee can decide by itself: its membership changes by a decision from now on.",
            )
        return seat_member(user, name, until, guardian=guardian)


def remove_member(member: CommitteeMember, reason: str, now: datetime | None = None) -> CommitteeMember:
    """End a term early; votes that have not been executed no longer count. Raises ``member_gone``."""
    ended = CommitteeMember.objects.filter(pk=member.pk, removed=None).update(
        removed=now or timezone.now(), removed_reason=reason[:200]
    )
    if not ended:
        raise DomainError("member_gone", f"{member.name} does not serve any more.")
    member.refresh_from_db()
    return member


def set_guardian(member: CommitteeMember, guardian: bool) -> CommitteeMember:
    """Give or take the emergency powers of a serving member."""
    CommitteeMember.objects.filter(pk=member.pk, removed=None).update(guardian=guardian)
    member.refresh_from_db()
    return member


def declare_conflict(member: CommitteeMember, venue: Venue, reason: str) -> ConflictDeclaration:
    """The member's own word that they do not judge a venue, for the rest of the term. Raises ``reason_missing``."""
    words = " ".join(reason.split())
    if not 5 <= len(words) <= 200:
        raise DomainError(
            "reason_missing", "Say in 5 to 200 characters why you do not judge this venue.", field="reason"
        )
    made, _ = ConflictDeclaration.objects.get_or_create(
        member=member, venue=venue, defaults={"reason": words}
    )
    return made
