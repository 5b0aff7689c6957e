"""What acts for a venue's team or is told of what it does: tokens of programs, webhooks and their deliveries."""

from django.conf import settings
from django.db import models

from venues.models.act import VenueAct
from venues.models.team import Role
from venues.models.venue import Venue


class DeployerToken(models.Model):
    """A key with which a program acts for ``user`` at one venue, with one of the user's roles there.

    Only the SHA-256 of its text is kept; ``prefix`` is how its owner knows it.
    """

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="tokens")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices)
    name = models.CharField(max_length=40)
    prefix = models.CharField(max_length=8)
    token_hash = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.venue_id}: {self.name}"


class Webhook(models.Model):
    """An address that is told of every act at a venue; ``secret`` (sealed) signs what is sent."""

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=300)
    secret = models.BinaryField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["venue", "url"], name="webhook_once")]

    def __str__(self) -> str:
        return f"{self.venue_id}: {self.url}"


class DeliveryState(models.TextChoices):
    """A delivery is due until it was taken, or until it was tried often enough."""

    DUE = "due", "Due"
    DONE = "done", "Delivered"
    FAILED = "failed", "Given up"


class WebhookDelivery(models.Model):
    """One act told to one webhook: how often it was tried, when next, and what came of the last try."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    act = models.ForeignKey(VenueAct, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=6, choices=DeliveryState.choices, default=DeliveryState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField()
    status = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=120, blank=True)
    tried = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["webhook", "act"], name="act_told_once")]
        indexes = [models.Index(fields=["due"], condition=models.Q(state="due"), name="delivery_due")]

    def __str__(self) -> str:
        return f"{self.webhook_id}: act {self.act_id} ({self.state})"
