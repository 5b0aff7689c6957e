"""Who may do what at a venue. Every verb of a deployer's side begins here.

The deployer and every owner may do everything; other members what their roles say; to anybody else a venue is unknown.
"""

from django.contrib.auth.models import AbstractBaseUser

from exchange_os.errors import DomainError
from venues.models import Event, Role, Venue, VenueMember


def roles_of(user: AbstractBaseUser, venue: Venue) -> frozenset[Role]:
    """The user's roles at the venue; all of them for an owner, none for a stranger."""
    held = {
        Role(role)
        for role in VenueMember.objects.filter(venue=venue, user_id=user.pk).values_list("role", flat=True)
    }
    if venue.deployer.user_id == user.pk or Role.OWNER in held:
        return frozenset(Role)
    return frozenset(held)


def member_venue(user: AbstractBaseUser, venue_id: int) -> Venue:
    """A venue at which the user has some role. Raises ``venue_unknown``."""
    venue = Venue.objects.filter(pk=venue_id).select_related("deployer").first()
    if venue is None or not roles_of(user, venue):
        raise DomainError("venue_unknown", "You have no such venue.")
    return venue


def require_role(user: AbstractBaseUser, venue: Venue, role: Role) -> Venue:
    """The venue, read anew, if the user has the role there or is an owner.

    Raises ``venue_unknown`` for a stranger, ``role_missing`` for a member without the role.
    """
    fresh = member_venue(user, venue.pk)
    if role not in roles_of(user, fresh):
        raise DomainError(
            "role_missing",
            f"This needs the role “{role.label}” at {fresh.name}; an owner of the venue can give it to you.",
            role=role.value,
        )
    return fresh


def require_own_books(venue: Venue) -> None:
    """Refuse with ``front_has_no_books`` what only the venue can do whose books a front shows."""
    if venue.fronts_id is not None:
        raise DomainError(
            "front_has_no_books",
            f"{venue.name} shows the books of another venue; markets, fees and halts are that venue's.",
        )


def member_event(user: AbstractBaseUser, event_id: int) -> Event:
    """An event of a venue at which the user has some role. Raises ``event_unknown``."""
    event = (
        Event.objects.filter(pk=event_id)
        .select_related("venue", "venue__deployer", "settlement_asset")
        .first()
    )
    if event is None or not roles_of(user, event.venue):
        raise DomainError("event_unknown", "You have no such event.")
    return event


def require_event_role(user: AbstractBaseUser, event: Event, role: Role) -> Event:
    """The event, read anew, if the user has the role at its venue. Raises ``event_unknown``, ``role_missing``."""
    fresh = member_event(user, event.pk)
    require_role(user, fresh.venue, role)
    return fresh
