"""What the trader's side remembers: who trades at which venue, and with which keys."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from venues.models import Market, Venue

FIRST_USER_ACCOUNT = 16  # account numbers below it belong to the protocol (fees, insurance, dust)


class TradingAccount(models.Model):
    """One user's account in the risk group of one venue; ``number`` is its number in the kernel.

    ``opened_at`` stays empty until the kernel acknowledged the account, so a crash in between is repaired by
    the next caller of ``ensure_account``.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="trading_accounts"
    )
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="trading_accounts")
    number = models.PositiveBigIntegerField()
    opened_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "venue"], name="trading_account_once_per_venue"),
            models.UniqueConstraint(fields=["venue", "number"], name="trading_account_number_once"),
            models.CheckConstraint(
                condition=Q(number__gte=FIRST_USER_ACCOUNT), name="trading_account_not_reserved"
            ),
        ]

    def __str__(self) -> str:
        return f"account {self.number} at venue {self.venue_id}"


class Favourite(models.Model):
    """A market that a user marked."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favourites")
    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "market"], name="trading_favourite_once"),
        ]

    def __str__(self) -> str:
        return f"market {self.market_id} of user {self.user_id}"


class Permission(models.TextChoices):
    """What a key may do. Every key may read."""

    READ = "read_only", "read"
    TRADE = "trade", "trade"
    WITHDRAW = "withdraw", "withdraw"


class ApiKey(models.Model):
    """A key of the public trading API.

    The key itself is looked up by its SHA-256, the secret is kept encrypted because signatures must be
    recomputed, and the passphrase is kept as a keyed digest. Secret and passphrase are shown once, by the
    service that creates them. Until ``previous_until`` the three from before a rotation work too.
    ``mandate`` holds its bounds in the kernel's terms; ``mandated_at`` is empty until the kernel has answered the key's
    present state, which every edit gives a new ``revision``.
    """

    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="api_keys")
    label = models.CharField(max_length=40, blank=True)
    key_hint = models.CharField(max_length=8)
    key_sha256 = models.CharField(max_length=64, unique=True)
    secret_encrypted = models.BinaryField()
    passphrase_digest = models.BinaryField()
    previous_sha256 = models.CharField(max_length=64, unique=True, null=True, blank=True)
    previous_secret = models.BinaryField(default=bytes, blank=True)
    previous_passphrase_digest = models.BinaryField(default=bytes, blank=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1)
    permissions = models.JSONField(default=list)
    allowed_ips = models.JSONField(default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    mandate = models.JSONField(default=dict, blank=True)
    mandated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], name="trading_key_unsettled", condition=models.Q(mandated_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"key {self.key_hint}… of {self.account}"


class EquityPoint(models.Model):
    """What everything a user owns was worth in an hour, in units of the value asset: a projection for the chart.

    The last valuation of the hour stays. Points older than some weeks are thinned to one a day.
    """

    pk = models.CompositePrimaryKey("user_id", "hour_ms")
    user_id = models.BigIntegerField()
    hour_ms = models.BigIntegerField()
    total = models.BigIntegerField()
    wallet = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.user_id} at {self.hour_ms}"


class FeesPaid(models.Model):
    """What an account paid in trading fees, in units of an asset (rebates taken off): a projection of its fills.

    The row without an asset says how far the fills were read: ``upto`` is the last trade, ``behind`` whether there were
    more.
    """

    account = models.ForeignKey(TradingAccount, on_delete=models.CASCADE, related_name="+")
    asset = models.ForeignKey("ledger.Asset", on_delete=models.PROTECT, related_name="+", null=True)
    units = models.BigIntegerField(default=0)
    upto = models.BigIntegerField(default=0)
    behind = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "asset"], name="fees_paid_once", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return f"{self.units} by account {self.account_id}"


class ExportKind(models.TextChoices):
    """What an export lists."""

    FILLS = "fills", "Fills"
    BILLS = "bills", "Funding, liquidations and settlements"
    ORDERS = "orders", "Orders that traded"
    TRANSFERS = "transfer", "Transfers"
    WALLET = "wallet", "Wallet movements"


class ExportState(models.TextChoices):
    """An export waits, is written, and is done."""

    WAITING = "waiting", "Waiting"
    WRITING = "writing", "Being written"
    DONE = "done", "Ready"


class Export(models.Model):
    """A list of a user's history as CSV, written in the background; ``run`` names the writer whose parts count.

    ``wanted`` narrows it: the fields of ``selectors.history.Filter`` and ``tab``, the list they are of.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports")
    kind = models.CharField(max_length=8, choices=ExportKind.choices)
    wanted = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.WAITING)
    rows = models.PositiveBigIntegerField(default=0)
    parts = models.PositiveIntegerField(default=0)
    run = models.UUIDField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)
    expires = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires"], name="export_expiry")]

    def __str__(self) -> str:
        return f"export {self.pk}"


class ExportPart(models.Model):
    """Some thousand lines of an export, compressed."""

    pk = models.CompositePrimaryKey("export_id", "number")
    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"part {self.number} of {self.export_id}"


class AutoFunding(models.Model):
    """A user's leave for orders to draw on the wallet: at one venue, in one asset, up to ``per_order`` units for an
    order and ``per_day`` units a day (UTC). Without a row, or switched off, nothing is drawn."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey("ledger.Asset", on_delete=models.PROTECT, related_name="+")
    on = models.BooleanField(default=False)
    per_order = models.BigIntegerField()
    per_day = models.BigIntegerField()
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "venue", "asset"], name="auto_funding_once"),
            models.CheckConstraint(
                condition=Q(per_order__gt=0, per_day__gte=models.F("per_order")), name="auto_funding_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"automatic funding of {self.user_id} at venue {self.venue_id}"


class TicketFunding(models.Model):
    """The one deposit an order drew from the wallet, by the order's client id. Written with the deposit, so that a
    ticket sent again finds it and draws nothing more."""

    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="+")
    client_id = models.CharField(max_length=32)
    transfer = models.OneToOneField("ledger.Transfer", on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "client_id"], name="ticket_funding_once"),
        ]
        indexes = [models.Index(fields=["account", "created"], name="ticket_funding_day")]

    def __str__(self) -> str:
        return f"funding of {self.client_id}"


class NotificationKind(models.TextChoices):
    """What a user is told about."""

    FILL = "fill", "Fills of orders placed by hand"
    ALERT = "alert", "Price alerts"
    FUNDING = "funding", "Funding payments"
    LIQUIDATION = "liquidation", "Liquidations"
    ADL = "adl", "Auto-deleveraging"
    SETTLEMENT = "settlement", "Resolutions and settlements"
    TRANSFER = "transfer", "Transfers"
    WITHDRAWAL = "withdrawal", "Withdrawals"
    CREDENTIAL = "credential", "Applications for credentials"
    DEPLOYER = "deployer", "Stake and venues of mine"
    GOVERNANCE = "governance", "Decisions of the committee"


class Notification(models.Model):
    """Something that happened to a user; ``source`` names the row it was made from, so that it is told once;
    ``data`` is what a later one of the same source adds to."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    source = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=NotificationKind.choices)
    text = models.CharField(max_length=240)
    link = models.CharField(max_length=160)
    happened = models.DateTimeField()
    read = models.BooleanField(default=False)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "source"], name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_list"),
            models.Index(fields=["user"], condition=Q(read=False), name="notification_unread"),
            models.Index(fields=["happened"], name="notification_age"),
        ]

    def __str__(self) -> str:
        return self.text


class NotificationMute(models.Model):
    """A kind of notification that a user does not want."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=NotificationKind.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="notification_mute_once")]

    def __str__(self) -> str:
        return f"{self.user_id} without {self.kind}"


class NotificationCursor(models.Model):
    """How far a source has been read: a group's sequence, or the newest id of a table and the rows still open."""

    name = models.CharField(max_length=40, primary_key=True)
    place = models.BigIntegerField(default=0)
    waiting = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.name} at {self.place}"


class PriceAlert(models.Model):
    """A price at which a user wants to be told, once, that a market has traded there: at ``price_ticks`` or higher if
    ``above``, at it or lower otherwise. ``since_ms`` is when it was asked for; the row goes when it was told."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="+")
    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="+")
    price_ticks = models.BigIntegerField()
    above = models.BooleanField()
    since_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "venue", "market", "price_ticks", "above"], name="price_alert_once"
            ),
        ]

    def __str__(self) -> str:
        return f"alert of {self.user_id} at {self.price_ticks} ticks of {self.market_id}"
