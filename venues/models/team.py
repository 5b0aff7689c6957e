"""Who works for a venue: members with roles, and the invitations they come by."""

from django.conf import settings
from django.db import models

from venues.models.venue import Venue


class Role(models.TextChoices):
    """What a member may do; an owner may do everything. The deployer is an owner without a row."""

    OWNER = "owner", "Owner"
    ORACLE_UPDATER = "oracle", "Oracle updater"
    HALTER = "halter", "Halter"
    COMPLIANCE = "compliance", "Compliance"
    TREASURER = "treasurer", "Treasurer"


class VenueMember(models.Model):
    """One role of one user at one venue; a user may have several."""

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="venue_roles")
    role = models.CharField(max_length=10, choices=Role.choices)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["venue", "user", "role"], name="venue_role_once")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.role} of {self.venue_id}"


class VenueInvitation(models.Model):
    """A role offered to whoever signs in with ``email`` and holds the link, until it ``expires``.

    Only the SHA-256 of the link's token is kept. The row goes when it is taken, declined or withdrawn.
    """

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["venue", "email", "role"], name="venue_invitation_once")
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.role} of {self.venue_id}"
