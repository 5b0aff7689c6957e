"""Slashing cases: what is said to have happened, what shows it, who was harmed."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from exchange_os.ledger.models import Asset
from governance.models.decision import Decision
from venues.models import Venue


class Case(models.Model):
    """The accusation of a decision of kind ``case``.

    ``offence`` names an entry of ``governance.offences``; ``offence_at`` is the moment whose stake is slashable;
    ``offence_key`` names the one act, which is slashed once whatever number of cases there are about it.
    """

    decision = models.OneToOneField(Decision, primary_key=True, on_delete=models.PROTECT, related_name="case")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="cases")
    offence = models.CharField(max_length=24)
    offence_at = models.DateTimeField()
    offence_key = models.CharField(max_length=120)
    complaint = models.BooleanField(default=False)
    hold = models.BooleanField(default=False, help_text="The deployer's stake is held for this case.")
    halt_due = models.BooleanField(
        default=False, help_text="Capacity fell below use; the venue is to be halted."
    )

    class Meta:
        indexes = [models.Index(fields=["venue", "offence"], name="case_of_venue")]

    def __str__(self) -> str:
        return f"case {self.decision_id}"


class Harmed(models.Model):
    """What one account lost, in units of ``asset``; ``owed`` and ``paid`` are units of the stake asset."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="harmed")
    account = models.BigIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    loss = models.BigIntegerField()
    owed = models.BigIntegerField()
    paid = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["account"]
        constraints = [
            models.UniqueConstraint(fields=["case", "account"], name="harmed_once"),
            models.CheckConstraint(condition=Q(loss__gt=0, owed__gte=0), name="harmed_lost_something"),
        ]

    def __str__(self) -> str:
        return f"account {self.account} in case {self.case_id}"


class EvidenceKind(models.TextChoices):
    """A file, or a finding that anyone can replay."""

    FILE = "file", "File"
    REPLAY = "replay", "Replay of the journal"


class Evidence(models.Model):
    """One piece of evidence, never changed. ``sha256`` is that of the file, or of the finding's canonical JSON.

    A replay names the rule (``governance.rules``), its parameters, the range of the journal and the hash of the
    chain at its end, and the finding as it was recorded.
    """

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=6, choices=EvidenceKind.choices)
    title = models.CharField(max_length=120)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    group_id = models.BigIntegerField(null=True)
    rule = models.CharField(max_length=24, blank=True)
    params = models.JSONField(default=dict, blank=True)
    first_sequence = models.BigIntegerField(null=True)
    last_sequence = models.BigIntegerField(null=True)
    journal_hash = models.CharField(max_length=64, blank=True)
    finding = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.title


class EvidenceFile(models.Model):
    """The bytes of a file, apart from the lists."""

    evidence = models.OneToOneField(Evidence, primary_key=True, on_delete=models.PROTECT, related_name="file")
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()
    data = models.BinaryField()

    def __str__(self) -> str:
        return self.name
