"""Who serves on the committee."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.models import CommitteeMember


def serving(now: datetime | None = None) -> Q:
    """The condition that a term has begun, has not ended and was not cut short."""
    moment = now or timezone.now()
    return Q(since__lte=moment, until__gt=moment, removed=None)


def serving_members(now: datetime | None = None) -> QuerySet[CommitteeMember]:
    """The members who serve now, by name."""
    return CommitteeMember.objects.filter(serving(now)).select_related("user")


def member_of(user_id: int | None, now: datetime | None = None) -> CommitteeMember | None:
    """The user's present term, if they serve."""
    return serving_members(now).filter(user_id=user_id).first() if user_id else None


def require_member(user_id: int | None, now: datetime | None = None) -> CommitteeMember:
    """As ``member_of``; ``DomainError("not_a_member")`` if they do not serve."""
    member = member_of(user_id, now)
    if member is None:
        raise DomainError("not_a_member", "Only serving members of the committee can do this.")
    return member
