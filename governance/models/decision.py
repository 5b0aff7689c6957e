"""Decisions: one core for everything a panel votes on. What a decision does is its kind's (``governance.kinds``).

``MOVES`` is the whole rule of states; every move is a row of ``DecisionMove`` and never changed. ``text`` is the
effect in canonical bytes, frozen when the decision is opened: members see it rendered from these bytes, sign their
SHA-256 digest, and it is what is executed. Votes, replies, comments and moves are append-only, by trigger.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from governance.models.committee import CommitteeMember


class State(models.TextChoices):
    """How far a decision has come."""

    DRAFT = "draft", "Draft"
    REPLY = "reply", "Reply window"
    VOTING = "voting", "Voting"
    LOCKED = "locked", "Time lock"
    EXECUTED = "executed", "Executed"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"


class Verb(models.TextChoices):
    """What moves a decision."""

    OPEN = "open", "Opened"
    DISMISS = "dismiss", "Dismissed"
    BEGIN_VOTING = "begin_voting", "Voting began"
    ADOPT = "adopt", "Adopted"
    REJECT = "reject", "Rejected by vote"
    LAPSE = "lapse", "Lapsed"
    APPEAL = "appeal", "Appealed"
    VETO = "veto", "Vetoed"
    ANNUL = "annul", "Annulled"
    EXECUTE = "execute", "Executed"


MOVES: dict[State, dict[Verb, State]] = {
    State.DRAFT: {Verb.OPEN: State.REPLY, Verb.DISMISS: State.REJECTED, Verb.LAPSE: State.EXPIRED},
    State.REPLY: {Verb.BEGIN_VOTING: State.VOTING},
    State.VOTING: {Verb.ADOPT: State.LOCKED, Verb.REJECT: State.REJECTED, Verb.LAPSE: State.EXPIRED},
    State.LOCKED: {
        Verb.APPEAL: State.VOTING,
        Verb.VETO: State.REJECTED,
        Verb.ANNUL: State.REJECTED,
        Verb.EXECUTE: State.EXECUTED,
    },
    State.REJECTED: {Verb.APPEAL: State.VOTING},
    State.EXECUTED: {},
    State.EXPIRED: {},
}


class Decision(models.Model):
    """Something a panel decides. ``proposer`` is empty where the platform found it by itself.

    ``round`` counts panels: 1, and 2 after an appeal. ``share_ppm`` is the median share that the votes adopted, for
    kinds that have one, ``option`` the option, for kinds that have several. ``appeal_ends`` is until when a
    rejection can be appealed; an adoption can until ``lock_ends``.
    ``problem`` says why the last attempt to execute failed, ``retry_at`` when it is tried again; ``receipt`` what the
    execution did.
    """

    kind = models.CharField(max_length=16)
    title = models.CharField(max_length=140)
    summary = models.TextField(max_length=4000)
    proposer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    round = models.PositiveSmallIntegerField(default=1)
    text = models.BinaryField(default=b"")
    digest = models.CharField(max_length=64, blank=True)
    share_ppm = models.PositiveIntegerField(null=True)
    option = models.CharField(max_length=40, blank=True)
    draft_ends = models.DateTimeField(null=True)
    reply_ends = models.DateTimeField(null=True)
    voting_ends = models.DateTimeField(null=True)
    lock_ends = models.DateTimeField(null=True)
    appeal_ends = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    retry_at = models.DateTimeField(null=True)
    receipt = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    closed = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "-id"], name="decision_by_state")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.title}"


class DecisionMove(models.Model):
    """One move, never changed: by whom (nobody: the clock) and with what words."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="moves")
    verb = models.CharField(max_length=12, choices=Verb.choices)
    state = models.CharField(max_length=10, choices=State.choices)
    round = models.PositiveSmallIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    words = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.decision_id}: {self.verb}"


class Seat(models.Model):
    """A member's place on the panel of a round; ``recused`` says why they do not judge."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="seats")
    round = models.PositiveSmallIntegerField()
    member = models.ForeignKey(CommitteeMember, on_delete=models.PROTECT, related_name="seats")
    recused = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["decision", "round", "member"], name="seat_once")]

    def __str__(self) -> str:
        return f"{self.member_id} on {self.decision_id}"


class PanelDraw(models.Model):
    """How the panel of a round was drawn by lot, where more could judge than it has ``seats``; never changed.

    ``heads`` are the ends of journals as of ``moment``: [risk group, last command, hash of the chain] each. ``seed``
    follows from them (``governance.draw``), the panel from the seed and ``members``, who could judge.
    """

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="draws")
    round = models.PositiveSmallIntegerField()
    moment = models.DateTimeField()
    heads = models.JSONField()
    seed = models.CharField(max_length=64)
    members = models.JSONField()
    seats = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["round"]
        constraints = [models.UniqueConstraint(fields=["decision", "round"], name="draw_once")]

    def __str__(self) -> str:
        return f"{self.seats} of {len(self.members)} on {self.decision_id}"


class Choice(models.TextChoices):
    """What a member says."""

    APPROVE = "approve", "For"
    REJECT = "reject", "Against"
    ABSTAIN = "abstain", "Abstain"


class VoteChallenge(models.Model):
    """A vote that waits for its second factor: good once, for a few minutes, for exactly this vote.

    ``message`` is what is signed, canonical JSON of decision, digest, round, voter, choice, share, rationale and a
    fresh nonce; a passkey's challenge is its SHA-256. ``attempts`` counts proofs that were wrong. Where votes are
    sealed the message rests encrypted in ``sealed``, and it and the columns that repeat it are empty.
    """

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="+")
    member = models.ForeignKey(CommitteeMember, on_delete=models.PROTECT, related_name="+")
    round = models.PositiveSmallIntegerField()
    choice = models.CharField(max_length=8, choices=Choice.choices, blank=True)
    share_ppm = models.PositiveIntegerField(null=True)
    option = models.CharField(max_length=40, blank=True)
    rationale = models.TextField(max_length=2000, blank=True)
    message = models.BinaryField(default=b"")
    sealed = models.BinaryField(default=b"")
    expires = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used = models.DateTimeField(null=True)
    created = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["member", "-created"], name="vote_challenge_newest")]

    def __str__(self) -> str:
        return f"{self.member_id} on {self.decision_id}"


class Vote(models.Model):
    """A proved vote, never changed; of several by one member in a round the last counts.

    ``method`` is the second factor (``webauthn`` or ``totp``); ``proof`` is the passkey's answer over ``message``,
    whose SHA-256 is ``digest``. A sealed vote has its message encrypted in ``sealed``, and it and the columns that
    repeat it are empty. It can be opened once, to what has that digest; a trigger sees to that.
    """

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="votes")
    round = models.PositiveSmallIntegerField()
    member = models.ForeignKey(CommitteeMember, on_delete=models.PROTECT, related_name="votes")
    choice = models.CharField(max_length=8, choices=Choice.choices, blank=True)
    share_ppm = models.PositiveIntegerField(null=True)
    option = models.CharField(max_length=40, blank=True)
    rationale = models.TextField(max_length=2000, blank=True)
    challenge = models.OneToOneField(VoteChallenge, on_delete=models.PROTECT, related_name="vote")
    method = models.CharField(max_length=10)
    message = models.BinaryField(default=b"")
    digest = models.CharField(max_length=64)
    sealed = models.BinaryField(default=b"")
    proof = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(share_ppm=None) | Q(share_ppm__gte=1, share_ppm__lte=1_000_000),
                name="vote_share_in_range",
            ),
            models.CheckConstraint(
                condition=Q(sealed=b"") | Q(choice="", share_ppm=None, option="", rationale="", message=b""),
                name="vote_sealed_or_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} on {self.decision_id}: {self.choice or 'sealed'}"


class Reply(models.Model):
    """What the party concerned answers; published as it is."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="replies")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(max_length=4000)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"reply to {self.decision_id}"


class Comment(models.Model):
    """One contribution to the discussion, or an answer to one."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="comments")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="answers")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(max_length=2000)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"comment on {self.decision_id}"
