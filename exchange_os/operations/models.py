"""Tables of whoever runs the exchange: figures over time, switches asked for, and who looked at whom."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from exchange_os.ledger.models import PauseFunction
from exchange_os.operations.audit_models import AuditEvent as AuditEvent


class Sample(models.Model):
    """The figures of one moment, for charts: see ``selectors.figures`` for the keys of ``figures`` and ``groups``."""

    at = models.DateTimeField(unique=True)
    figures = models.JSONField(default=dict)
    groups = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"


class SwitchRequest(models.Model):
    """One move of a pause switch: asked for by one member of staff, done once another has confirmed it.

    ``group_id`` 0 is the whole platform. ``pause`` False lifts a pause. A request that is neither confirmed nor
    withdrawn before ``expires_at`` is over.
    """

    function = models.CharField(max_length=10, choices=PauseFunction.choices)
    group_id = models.BigIntegerField(default=0)
    pause = models.BooleanField()
    reason = models.CharField(max_length=300)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("asked_by")), name="switch_by_two_people"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by=None, confirmed_at=None)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False, withdrawn_at=None),
                name="switch_confirmed_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(confirmed_at=None, withdrawn_at=None),
                name="switch_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{'pause' if self.pause else 'resume'} {self.function} of {self.group_id or 'all'}"


class LiquidationHold(models.Model):
    """What the kernel of a risk group was told about holding liquidations back; gone once it was told to go on.

    The row is written before the kernel is told, ``told`` set by its answer: a hold that was sent is never forgotten.
    """

    group_id = models.BigIntegerField(primary_key=True)
    until = models.DateTimeField()
    told = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.group_id} until {self.until:%H:%M:%S}"


class SupportLook(models.Model):
    """A member of staff looked at a user's account; append-only by trigger."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["subject", "-at"], name="support_look_subject")]

    def __str__(self) -> str:
        return f"{self.by_id} looked at {self.subject_id}"
