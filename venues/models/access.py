"""Access: policies of venues, issuers and their credentials, consent, applications with documents, screening."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from venues.models.venue import Venue


class AccessPolicy(models.Model):
    """One version of a venue's rules, never changed; ``rules`` as ``venues.access.Rules`` tells them, empty: open.

    A venue points at the version in force, or at none and is open.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="access_policies")
    version = models.PositiveIntegerField()
    rules = models.JSONField(default=dict)
    note = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["venue_id", "-version"]
        constraints = [models.UniqueConstraint(fields=["venue", "version"], name="access_policy_version")]

    def __str__(self) -> str:
        return f"access to {self.venue_id}, version {self.version}"


class IssuerKind(models.TextChoices):
    """Who decides: people at the venue's desk, or a provider elsewhere that reports by signed webhook."""

    DESK = "desk", "Own desk"
    PROVIDER = "provider", "External provider"


class Issuer(models.Model):
    """Who issues credentials, run by a venue and open to every other that trusts it.

    ``secret_sealed`` signs a provider's events. ``apply_url`` is where a provider takes applications, with
    ``{reference}`` for the case. Documents and details are shredded ``retention_days`` after the decision.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="issuers")
    kind = models.CharField(max_length=8, choices=IssuerKind.choices, default=IssuerKind.DESK)
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=40, unique=True)
    apply_url = models.CharField(max_length=300, blank=True)
    secret_sealed = models.BinaryField(default=b"")
    valid_days = models.PositiveIntegerField(default=365)
    retention_days = models.PositiveIntegerField(default=1_825)
    active = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["venue"], condition=Q(kind="desk"), name="issuer_one_desk")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def retention_words(self) -> str:
        """How long papers are kept after the decision, in years if they are whole."""
        years, days = divmod(self.retention_days, 365)
        count, unit = (self.retention_days, "day") if days or not years else (years, "year")
        return f"{count} {unit}{'' if count == 1 else 's'}"


class CaseState(models.TextChoices):
    """An application waits for the issuer, for its applicant, or is decided."""

    SUBMITTED = "submitted", "Submitted"
    IN_REVIEW = "review", "In review"
    MORE_WANTED = "more", "More wanted"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


CASE_MOVES: dict[CaseState, set[CaseState]] = {
    CaseState.SUBMITTED: {CaseState.IN_REVIEW, CaseState.APPROVED, CaseState.REFUSED, CaseState.MORE_WANTED,
                          CaseState.WITHDRAWN},
    CaseState.IN_REVIEW: {CaseState.APPROVED, CaseState.REFUSED, CaseState.MORE_WANTED, CaseState.WITHDRAWN},
    CaseState.MORE_WANTED: {CaseState.SUBMITTED, CaseState.APPROVED, CaseState.REFUSED, CaseState.WITHDRAWN},
    CaseState.APPROVED: set(),
    CaseState.REFUSED: set(),
    CaseState.WITHDRAWN: set(),
}  # fmt: skip
OPEN_CASES = (CaseState.SUBMITTED, CaseState.IN_REVIEW, CaseState.MORE_WANTED)


class KycCase(models.Model):
    """An application to an issuer. ``details_sealed`` holds what the applicant told, encrypted, until it is shredded.

    ``venue`` is where the applicant came from, and may see the credential once it is there. ``wanted`` is what the
    issuer still wants, ``reason`` why it refused; the applicant reads both.
    """

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="cases")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="kyc_cases")
    venue = models.ForeignKey(Venue, null=True, on_delete=models.PROTECT, related_name="+")
    level = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=CaseState.choices, default=CaseState.SUBMITTED)
    country = models.CharField(max_length=2, blank=True)
    details_sealed = models.BinaryField(default=b"")
    wanted = models.CharField(max_length=500, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)
    decided = models.DateTimeField(null=True, blank=True)
    keep_until = models.DateTimeField(null=True, blank=True)
    shredded = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "holder"], condition=Q(state__in=OPEN_CASES), name="kyc_case_one_open"
            )
        ]
        indexes = [
            models.Index(fields=["issuer", "state"], name="kyc_case_queue"),
            models.Index(fields=["keep_until"], condition=Q(shredded=None), name="kyc_case_retention"),
        ]

    def __str__(self) -> str:
        return f"application {self.reference}"


class CaseMove(models.Model):
    """One move of an application, never changed; ``by`` nobody: by a provider's event."""

    case = models.ForeignKey(KycCase, on_delete=models.CASCADE, related_name="moves")
    state = models.CharField(max_length=10, choices=CaseState.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    words = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.case_id}: {self.state}"


class DocumentKind(models.TextChoices):
    """What a document shows."""

    IDENTITY = "identity", "Identity document"
    ADDRESS = "address", "Proof of address"
    FUNDS = "funds", "Source of funds"
    OTHER = "other", "Something else"


class KycDocument(models.Model):
    """A document of an application: opaque bytes, encrypted, empty once ``shredded``. ``sha256`` is of the original."""

    case = models.ForeignKey(KycCase, on_delete=models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=10, choices=DocumentKind.choices)
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    sealed = models.BinaryField()
    created = models.DateTimeField(auto_now_add=True)
    shredded = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.case_id}"


class DocumentView(models.Model):
    """Somebody was given a document; never changed. It outlives the document."""

    document = models.ForeignKey(KycDocument, on_delete=models.PROTECT, related_name="views")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"document {self.document_id} by {self.by_id}"


class Credential(models.Model):
    """What an issuer vouches for: a level, a jurisdiction, claims of ``venues.access.CLAIMS``; no more than that.

    ``evidence`` says where the issuer can find its grounds.
    """

    holder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="credentials")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="credentials")
    case = models.ForeignKey(KycCase, null=True, on_delete=models.PROTECT, related_name="credentials")
    level = models.PositiveSmallIntegerField()
    jurisdiction = models.CharField(max_length=2)
    claims = models.JSONField(default=list, blank=True)
    evidence = models.CharField(max_length=200, blank=True)
    issued = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    revoked = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(level__gte=1, level__lte=3), name="credential_level"),
        ]
        indexes = [models.Index(fields=["holder"], name="credential_of_holder")]

    def __str__(self) -> str:
        return f"level {self.level} of {self.holder_id} by {self.issuer_id}"


class Consent(models.Model):
    """A holder lets a venue see a credential, from ``given`` until ``withdrawn``; given anew is a new row."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="consents")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="+")
    given = models.DateTimeField(auto_now_add=True)
    withdrawn = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["credential", "venue"], condition=Q(withdrawn=None), name="consent_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.credential_id} for venue {self.venue_id}"


class ScreeningOutcome(models.TextChoices):
    """What a screening found; a hit stands until somebody clears it."""

    CLEAR = "clear", "Nothing found"
    HIT = "hit", "A name like it is listed"


class Screening(models.Model):
    """One screening of a holder for an issuer, never changed; the newest counts. ``by`` is who cleared a hit."""

    holder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="screenings")
    adapter = models.CharField(max_length=30)
    outcome = models.CharField(max_length=5, choices=ScreeningOutcome.choices)
    matched = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["holder", "issuer", "-id"], name="screening_newest")]

    def __str__(self) -> str:
        return f"{self.holder_id}: {self.outcome}"


class ListedName(models.Model):
    """An entry of a sanctions list kept here; ``normal`` is its name as names are compared."""

    source = models.CharField(max_length=40)
    reference = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=200)
    normal = models.CharField(max_length=200, db_index=True)
    born = models.CharField(max_length=10, blank=True)

    class Meta:
        ordering = ["source", "name"]
        constraints = [
            models.UniqueConstraint(fields=["source", "reference", "normal"], name="listed_name_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"


class ProviderEvent(models.Model):
    """A provider's event that was accepted; its id counts once for its issuer."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="events")
    event_id = models.CharField(max_length=80)
    kind = models.CharField(max_length=12)
    received = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "event_id"], name="provider_event_once")]

    def __str__(self) -> str:
        return f"{self.event_id} of {self.issuer_id}"


class AccountPermission(models.Model):
    """What a user may do at a venue that has a policy: decided anew when ``due``.

    ``flags`` are the kernel's, ``told`` those it has last taken (empty: none yet). ``decisions`` maps each kind of
    market to its permission and the rules that refused.
    """

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    policy = models.ForeignKey(AccessPolicy, null=True, on_delete=models.PROTECT, related_name="+")
    flags = models.PositiveSmallIntegerField(default=0)
    told = models.PositiveSmallIntegerField(null=True, blank=True)
    decisions = models.JSONField(default=dict)
    decided = models.DateTimeField(auto_now=True)
    due = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "user"], name="account_permission_once")]
        indexes = [models.Index(fields=["due"], name="account_permission_due")]

    def __str__(self) -> str:
        return f"{self.user_id} at venue {self.venue_id}: {self.flags}"
