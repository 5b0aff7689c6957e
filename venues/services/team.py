"""The team of a venue: inviting people to roles, taking or declining an invitation, taking a role away."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from venues.models import Role, Venue, VenueInvitation, VenueMember
from venues.services.acts import note_act
from venues.services.permissions import keep_permission, mark_due
from venues.services.roles import require_role

INVITATION_DAYS = 7
MAX_OPEN_INVITATIONS = 50


def invite_member(user: AbstractBaseUser, venue: Venue, email: str, role: str) -> tuple[VenueInvitation, str]:
    """Offer a role to the owner of an address; answers the invitation and the token of its link, shown once.

    Inviting again replaces the link. Raises ``email_invalid``, ``role_unknown``, ``member_already``,
    ``too_many_invitations``, and as ``require_role``.
    """
    venue = require_role(user, venue, Role.OWNER)
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as wrong:
        raise DomainError(
            "email_invalid", "Enter an e-mail address, such as ada@example.com.", field="email"
        ) from wrong
    if role not in Role.values:
        raise DomainError("role_unknown", "Choose a role.", field="role")
    if VenueMember.objects.filter(venue=venue, user__email__iexact=address, role=role).exists():
        raise DomainError("member_already", f"{address} has this role already.", field="email")
    if VenueInvitation.objects.filter(venue=venue).count() >= MAX_OPEN_INVITATIONS:
        raise DomainError(
            "too_many_invitations", f"At most {MAX_OPEN_INVITATIONS} invitations can be open; withdraw one."
        )
    token = secrets.token_urlsafe(32)
    invitation, _ = VenueInvitation.objects.update_or_create(
        venue=venue,
        email=address,
        role=role,
        defaults={
            "token_hash": _hash(token),
            "invited_by_id": user.pk,
            "expires": timezone.now() + timedelta(days=INVITATION_DAYS),
        },
    )
    note_act(venue, user, "invited", address, after={"role": role})
    return invitation, token


def invitation_for(user: AbstractBaseUser, token: str) -> VenueInvitation:
    """The open invitation of a link, for the user it is meant for. Raises ``invitation_unknown``."""
    invitation = (
        VenueInvitation.objects.filter(token_hash=_hash(token), expires__gt=timezone.now())
        .select_related("venue", "venue__deployer")
        .first()
    )
    if invitation is None or invitation.email != str(getattr(user, "email", "")).lower():
        raise DomainError(
            "invitation_unknown",
            "This invitation is for another address, was taken, withdrawn, or is older than "
            f"{INVITATION_DAYS} days. Ask for a new one.",
        )
    return invitation


def accept_invitation(user: AbstractBaseUser, token: str) -> VenueMember:
    """Take the role of an invitation. Raises ``invitation_unknown``."""
    with transaction.atomic():
        found = invitation_for(user, token)
        invitation = (
            VenueInvitation.objects.select_for_update()
            .filter(pk=found.pk, token_hash=found.token_hash)
            .first()
        )
        if invitation is None:
            raise DomainError("invitation_unknown", "This invitation has just been taken or withdrawn.")
        member, _ = VenueMember.objects.get_or_create(venue=found.venue, user_id=user.pk, role=found.role)
        invitation.delete()
        keep_permission(user, found.venue)
        note_act(found.venue, user, "joined", found.email, after={"role": found.role})
    return member


def decline_invitation(user: AbstractBaseUser, token: str) -> None:
    """Refuse an invitation, which ends it. Raises ``invitation_unknown``."""
    found = invitation_for(user, token)
    note_act(found.venue, user, "declined the invitation of", found.email, before={"role": found.role})
    found.delete()


def withdraw_invitation(user: AbstractBaseUser, venue: Venue, invitation_id: int) -> None:
    """Take an invitation back; nothing happens if it is gone. Raises as ``require_role``."""
    require_role(user, venue, Role.OWNER)
    found = VenueInvitation.objects.filter(venue=venue, pk=invitation_id).first()
    if found is not None:
        note_act(venue, user, "withdrew the invitation of", found.email, before={"role": found.role})
        found.delete()


def remove_member(user: AbstractBaseUser, venue: Venue, member_id: int) -> None:
    """Take one role of a member away; a member may give up their own. Raises as ``require_role``."""
    row = VenueMember.objects.filter(venue=venue, pk=member_id).select_related("user").first()
    if row is None or row.user_id != user.pk:
        require_role(user, venue, Role.OWNER)
    if row is not None:
        note_act(venue, user, "removed", row.user.email, before={"role": row.role})
        row.delete()
        mark_due(venue=venue, user_id=row.user_id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
