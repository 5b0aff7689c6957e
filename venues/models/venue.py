"""Deployers, their venues, and the drafts and progress of launches."""

import exchange_kernel as kernel
from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{1,28}[a-z0-9])$"
ACCENT_PATTERN = r"^#[0-9a-f]{6}$"
PPM = 1_000_000


class Deployer(models.Model):
    """A user who may launch venues; their stake is the ledger's account of kind ``stake``."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deployer")
    name = models.CharField(max_length=60)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class VenueState(models.TextChoices):
    """A venue is launching until its risk group trades; a launch that a rule refused leaves it failed.

    One that winds down takes no new risk until an announced end, is then settled, and is closed: nothing trades,
    balances can be withdrawn, its stake backs nothing.
    """

    LAUNCHING = "launching", "Launching"
    OPEN = "open", "Open"
    HALTED = "halted", "Halted"
    FAILED = "failed", "Launch refused"
    WINDING = "winding", "Winding down"
    CLOSED = "closed", "Closed"


VENUE_MOVES: dict[VenueState, set[VenueState]] = {
    VenueState.LAUNCHING: {VenueState.OPEN, VenueState.FAILED},
    VenueState.OPEN: {VenueState.HALTED, VenueState.WINDING},
    VenueState.HALTED: {VenueState.OPEN, VenueState.WINDING},
    VenueState.FAILED: set(),
    VenueState.WINDING: {VenueState.CLOSED},
    VenueState.CLOSED: set(),
}


class Venue(models.Model):
    """A place to trade, inside one risk group. Fees are parts per million of the quote amount of a fill.

    ``maker_fee_ppm`` and ``taker_fee_ppm`` are what a new market starts with; each market has its own. Of every fee
    the protocol keeps ``protocol_share_ppm``. ``capacity_units`` of the settlement asset is what the kernel was last
    told that open interest may be worth. ``name_shape`` is what the name looks like (``ledger.words.skeleton``),
    ``logo`` the digest of a ``Logo``, empty for none.
    A failed launch gives its address back. ``held_by_decision`` is the number of the governance decision that keeps the
    venue halted; while there is one, the deployer cannot resume it. A venue that ``fronts``
    another shows that one's books and risk group under its own name, to accounts of its own; their orders pay
    ``builder_ppm`` on top to ``builder_account``, that of its deployer.
    A halt by the team ends by itself at ``halt_ends``;
    ``ends`` is when a venue that winds down stops trading. ``theme`` is what its pages begin with for who has chosen
    none; ``embed_origins`` are the sites that may frame its widgets.
    """

    slug = models.CharField(max_length=30, validators=[RegexValidator(SLUG_PATTERN)])
    name = models.CharField(max_length=40)
    name_shape = models.CharField(max_length=120, blank=True, db_index=True, default="", db_default="")
    deployer = models.ForeignKey(Deployer, on_delete=models.PROTECT, related_name="venues")
    group_id = models.BigIntegerField()
    fronts = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="fronted_by"
    )
    builder_account = models.BigIntegerField(null=True, blank=True)
    builder_ppm = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=VenueState.choices, default=VenueState.LAUNCHING)
    accent = models.CharField(max_length=7, default="#2f6feb", validators=[RegexValidator(ACCENT_PATTERN)])
    description = models.CharField(max_length=280, blank=True)
    logo = models.CharField(max_length=64, blank=True, default="", db_default="")
    maker_fee_ppm = models.IntegerField(default=0)
    taker_fee_ppm = models.IntegerField(default=0)
    protocol_share_ppm = models.IntegerField(default=0)
    capacity_units = models.BigIntegerField(null=True, blank=True)
    access_policy = models.ForeignKey(
        "venues.AccessPolicy", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    held_by_decision = models.BigIntegerField(null=True, blank=True)
    theme = models.CharField(max_length=6, blank=True, choices=[("dark", "Dark"), ("light", "Light")])
    embed_origins = models.JSONField(default=list, blank=True)
    halt_ends = models.DateTimeField(null=True, blank=True)
    ends = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    opened = models.DateTimeField(null=True)
    launch_attempts = models.PositiveIntegerField(default=0)
    launch_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group_id"], condition=Q(fronts=None), name="venue_owns_its_group"
            ),
            models.UniqueConstraint(
                fields=["slug"], condition=~Q(state="failed"), name="venue_slug_of_the_living"
            ),
            models.CheckConstraint(
                condition=Q(protocol_share_ppm__gte=0, protocol_share_ppm__lte=PPM),
                name="venue_share_in_range",
            ),
        ]
        indexes = [models.Index(fields=["state", "id"], name="venue_by_state")]

    def __str__(self) -> str:
        return self.slug

    @property
    def books_id(self) -> int:
        """The venue whose books these are: itself, or the one it fronts."""
        return self.fronts_id or self.pk

    @property
    def builder_code(self) -> int:
        """What orders sent through this venue carry for its deployer, as the kernel reads it; 0 for nothing."""
        if not self.builder_account or not self.builder_ppm or self.state != VenueState.OPEN:
            return 0
        return kernel.builder_code(self.builder_account, rate_ppm=self.builder_ppm)


class LaunchDraft(models.Model):
    """A launch as far as the deployer has filled it in; ``data`` is as typed, checked again at the launch."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="launch_drafts")
    data = models.JSONField(default=dict)
    venue = models.ForeignKey(Venue, null=True, on_delete=models.SET_NULL, related_name="drafts")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated"]

    def __str__(self) -> str:
        return self.data.get("venue", {}).get("name") or "Unnamed venue"
