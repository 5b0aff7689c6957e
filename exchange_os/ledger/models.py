"""Double entry: assets, ledger accounts, postings of entries, and the transfers between wallets and risk groups.

Amounts are whole units of ``10**-scale`` of their asset, signed in an entry and never floating. ``services.postings``
is the only writer of entries and balances; PostgreSQL refuses a change or removal of what was written, a posting
that does not sum to zero per asset, and a balance below zero (migration 0002 holds the triggers). Owners are plain
integers, because the ledger lies below the apps that know what a venue is.
"""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from exchange_os.ledger.pause import Pause as Pause
from exchange_os.ledger.pause import PauseFunction as PauseFunction

MAX_SCALE = 8
SYMBOL_PATTERN = r"^[A-Z0-9]{2,10}$"


class Grade(models.TextChoices):
    """What an asset is good for as collateral; ``haircut_ppm`` of its worth does not count."""

    A = "A", "A: deep and steady"
    B = "B", "B: deep"
    C = "C", "C: thin"
    D = "D", "D: not as collateral"

    @property
    def haircut_ppm(self) -> int:
        """Parts per million of its worth that do not count."""
        return {"A": 50_000, "B": 150_000, "C": 400_000, "D": 1_000_000}[self.value]


class Asset(models.Model):
    """Something that is owned in whole units of ``10**-scale``. ``issuer`` is empty for the platform's own.

    ``reserved_units`` is the supply of an asset whose symbol is only reserved yet, by a launch under way: nobody can
    list or hold it before it is issued, and if the launch fails the row goes. Empty for every issued asset.
    """

    symbol = models.CharField(max_length=10, unique=True, validators=[RegexValidator(SYMBOL_PATTERN)])
    name = models.CharField(max_length=60)
    scale = models.PositiveSmallIntegerField(validators=[MaxValueValidator(MAX_SCALE)])
    issuer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="issued_assets",
    )
    faucet = models.BooleanField(default=False, help_text="The test network hands it out free of charge.")
    grade = models.CharField(max_length=1, choices=Grade.choices, default=Grade.D, db_default="D")
    reserved_units = models.BigIntegerField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["symbol"]
        constraints = [
            models.CheckConstraint(condition=Q(scale__lte=MAX_SCALE), name="asset_scale_in_range"),
            models.CheckConstraint(
                condition=Q(symbol__regex=SYMBOL_PATTERN), name="asset_symbol_well_formed"
            ),
        ]

    def __str__(self) -> str:
        return self.symbol


class GradeChange(models.Model):
    """One change of an asset's grade, never changed itself: by whom (nobody: by the protocol) and why."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="grade_changes")
    before = models.CharField(max_length=1, choices=Grade.choices)
    grade = models.CharField(max_length=1, choices=Grade.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.asset_id}: {self.before} to {self.grade}"


class AccountKind(models.TextChoices):
    """Whose money a ledger account holds; ``owner_id`` is read accordingly."""

    WALLET = "wallet", "Wallet"  # owner: user
    STAKE = "stake", "Stake"  # owner: user, as deployer
    UNBONDING = "unbonding", "Unbonding stake"  # owner: user, as deployer
    IN_TRANSIT = "in_transit", "In transit to a venue"  # owner: user
    ESCROW = "escrow", "Escrow of a risk group"  # owner: risk group
    FEES = "fees", "Protocol fees"  # owner: risk group
    INSURANCE = "insurance", "Insurance"  # owner: risk group
    TREASURY = "treasury", "Treasury"  # owner: 0
    BURNED = "burned", "Burned"  # owner: 0; nothing ever leaves it
    WITHDRAWING = "withdrawing", "On its way out"  # owner: user
    DISPUTE_BOND = "dispute_bond", "Bonds of disputes"  # owner: event
    EXTERNAL = "external", "Outside world"  # owner: 0; the only kind that may be negative


class LedgerAccount(models.Model):
    """The balance of one owner in one asset; always the sum of its entries."""

    kind = models.CharField(max_length=12, choices=AccountKind.choices)
    owner_id = models.BigIntegerField()
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="accounts")
    balance = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "owner_id", "asset"], name="ledger_account_key"),
            models.CheckConstraint(
                condition=Q(balance__gte=0) | Q(kind="external"), name="ledger_account_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.owner_id} {self.asset_id}"


class PostingKind(models.TextChoices):
    """Why money moved."""

    FAUCET = "faucet", "Test funds"
    ISSUE = "issue", "Asset issued"
    STAKE = "stake", "Staked"
    UNBOND = "unbond", "Unbonding begun"
    RELEASE_STAKE = "release_stake", "Stake released"
    SLASH = "slash", "Stake slashed"
    SEND = "send", "On its way to a venue"
    DEPOSIT = "deposit", "Arrived at a venue"
    RETURN = "return", "Returned by a venue"
    WITHDRAWAL = "withdrawal", "From a venue"
    SET_ASIDE = "set_aside", "Set aside for a withdrawal"
    SENT_OUT = "sent_out", "Withdrawn"
    TAKEN_BACK = "taken_back", "Withdrawal returned"
    BOND = "bond", "Bond of a dispute"
    BOND_RETURNED = "bond_returned", "Bond returned"
    BOND_WON = "bond_won", "Bond of the losing side"


class Posting(models.Model):
    """One movement of money: two or more entries that sum to zero per asset."""

    kind = models.CharField(max_length=16, choices=PostingKind.choices)
    transfer = models.ForeignKey("Transfer", null=True, on_delete=models.PROTECT, related_name="postings")
    memo = models.CharField(max_length=120, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Entry(models.Model):
    """One leg of a posting: ``amount`` units into (positive) or out of (negative) an account."""

    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="entries")
    amount = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="entry_not_zero")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.amount:+d}"


class Direction(models.TextChoices):
    """Which way a transfer goes, seen from the risk group."""

    DEPOSIT = "deposit", "Wallet to venue"
    WITHDRAW = "withdraw", "Venue to wallet"


class TransferState(models.TextChoices):
    """A transfer is requested, then exactly once settled or refused; ``TRANSFER_MOVES`` is the whole rule."""

    REQUESTED = "requested", "On its way"
    SETTLED = "settled", "Done"
    REFUSED = "refused", "Refused"


TRANSFER_MOVES = {
    TransferState.REQUESTED: {TransferState.SETTLED, TransferState.REFUSED},
    TransferState.SETTLED: set(),
    TransferState.REFUSED: set(),
}


class Transfer(models.Model):
    """Money between a wallet and a trading account of a risk group; while requested, the row is the outbox.

    Its id is the transfer id which the kernel accepts once. ``issued_ms`` is the request's time in milliseconds: the
    kernel refuses ids it can no longer remember. ``code`` is the kernel's reason of a refusal, 0 if there is none.
    ``client_id`` is the requester's own id, unique for the user where given.
    """

    direction = models.CharField(max_length=8, choices=Direction.choices)
    state = models.CharField(max_length=9, choices=TransferState.choices, default=TransferState.REQUESTED)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="transfers")
    group_id = models.BigIntegerField()
    account = models.BigIntegerField()
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    issued_ms = models.BigIntegerField()
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True)
    code = models.PositiveIntegerField(default=0)
    client_id = models.CharField(max_length=32, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.UniqueConstraint(
                fields=["user", "client_id"], condition=~Q(client_id=""), name="transfer_client_id"
            ),
        ]
        indexes = [
            models.Index(fields=["created"], condition=Q(state="requested"), name="transfer_outbox"),
            models.Index(F("user"), F("id").desc(), name="transfer_history"),
            models.Index(
                fields=["group_id", "finished"], condition=Q(finished__isnull=False), name="transfer_finished"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.pk}"


class ReleaseState(models.TextChoices):
    """Stake on its way back to the wallet; ``RELEASE_MOVES`` is the whole rule."""

    UNBONDING = "unbonding", "Unbonding"
    RETURNED = "returned", "In the wallet"
    SLASHED = "slashed", "Slashed"


RELEASE_MOVES: dict[str, set[str]] = {
    ReleaseState.UNBONDING: {ReleaseState.RETURNED, ReleaseState.SLASHED},
    ReleaseState.RETURNED: set(),
    ReleaseState.SLASHED: set(),
}


class StakeRelease(models.Model):
    """Stake that its deployer has asked back: ``amount`` units that wait in ``unbonding`` until ``matures_at``.

    ``slashed`` of them were taken meanwhile. All times are UTC.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="releases")
    amount = models.BigIntegerField()
    slashed = models.BigIntegerField(default=0)
    state = models.CharField(max_length=9, choices=ReleaseState.choices, default=ReleaseState.UNBONDING)
    requested_at = models.DateTimeField()
    matures_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="release_amount_positive"),
            models.CheckConstraint(
                condition=Q(slashed__gte=0, slashed__lte=F("amount")), name="release_slashed_in_range"
            ),
        ]
        indexes = [
            models.Index(fields=["matures_at"], condition=Q(state="unbonding"), name="release_open"),
            models.Index(F("user"), F("id").desc(), name="release_history"),
        ]

    def __str__(self) -> str:
        return f"release {self.pk}"

    @property
    def remaining(self) -> int:
        """Units that have not been slashed."""
        return self.amount - self.slashed


class StakeHold(models.Model):
    """A case against a deployer: until it is lifted no stake leaves. ``case`` is the number its readers know."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="stake_holds")
    case = models.CharField(max_length=40)
    reason = models.CharField(max_length=200)
    placed_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "case"], condition=Q(lifted_at=None), name="stake_hold_once_a_case"
            )
        ]

    def __str__(self) -> str:
        return f"hold of case {self.case}"


class Slash(models.Model):
    """Stake that was taken for an offence, once: ``amount = to_harmed + to_insurance + burned`` units."""

    offence_id = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="slashes")
    offence_at = models.DateTimeField()
    amount = models.BigIntegerField()
    to_harmed = models.BigIntegerField()
    to_insurance = models.BigIntegerField()
    burned = models.BigIntegerField()
    insurance_group = models.BigIntegerField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, to_harmed__gte=0, to_insurance__gte=0, burned__gte=0)
                & Q(amount=F("to_harmed") + F("to_insurance") + F("burned")),
                name="slash_is_paid_out_whole",
            ),
            models.CheckConstraint(
                condition=Q(to_insurance=0) | Q(insurance_group__isnull=False),
                name="slash_names_its_insurance",
            ),
        ]

    def __str__(self) -> str:
        return f"slash {self.offence_id}"


class FaucetClaim(models.Model):
    """What a user took from the faucet on a day (UTC): ``times`` claims of an asset."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    times = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "asset", "day"], name="faucet_claim_key")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.asset_id} {self.day}"


class WithdrawalState(models.TextChoices):
    """How far a withdrawal has come; ``WITHDRAWAL_MOVES`` is the whole rule."""

    REQUESTED = "requested", "Waiting"
    APPROVED = "approved", "Approved"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FINAL = "final", "Done"
    CANCELLED = "cancelled", "Cancelled"
    RETURNED = "returned", "Returned"


WITHDRAWAL_MOVES: dict[str, set[str]] = {
    WithdrawalState.REQUESTED: {WithdrawalState.APPROVED, WithdrawalState.CANCELLED},
    WithdrawalState.APPROVED: {WithdrawalState.SENDING, WithdrawalState.CANCELLED},
    WithdrawalState.SENDING: {WithdrawalState.SENT, WithdrawalState.RETURNED},
    WithdrawalState.SENT: {WithdrawalState.FINAL},
    WithdrawalState.FINAL: set(),
    WithdrawalState.CANCELLED: set(),
    WithdrawalState.RETURNED: set(),
}


class Withdrawal(models.Model):
    """Money that leaves the ledger for an address outside.

    ``key`` names it to the network and is used for one send only. ``approve_at`` is the end of the hold of a new
    address; ``client_id`` is the requester's own id, unique for the user where given.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="withdrawals")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    address = models.CharField(max_length=120)
    client_id = models.CharField(max_length=32, blank=True)
    key = models.UUIDField(unique=True, default=uuid.uuid4)
    state = models.CharField(max_length=9, choices=WithdrawalState.choices, default=WithdrawalState.REQUESTED)
    txid = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=160, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    approve_at = models.DateTimeField()
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="withdrawal_amount_positive"),
            models.UniqueConstraint(
                fields=["user", "client_id"], condition=~Q(client_id=""), name="withdrawal_client_id"
            ),
        ]
        indexes = [
            models.Index(
                fields=["changed"],
                condition=Q(state__in=["requested", "approved", "sending", "sent"]),
                name="withdrawal_open",
            ),
            models.Index(F("user"), F("id").desc(), name="withdrawal_history"),
        ]

    def __str__(self) -> str:
        return f"withdrawal {self.pk}"


class WithdrawalAddress(models.Model):
    """An address to which a user has asked to withdraw an asset, and since when it may be sent to."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=120)
    usable_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "asset", "address"], name="withdrawal_address_once")
        ]

    def __str__(self) -> str:
        return self.address


class TestNetworkSend(models.Model):
    """What the test network was told under a key; without ``txid`` the key was forbidden."""

    __test__ = False

    key = models.UUIDField(primary_key=True)
    txid = models.CharField(max_length=120, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.txid or "forbidden"
