"""What somebody has to do before they may trade at a venue: the one next step, and the policy in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils import timezone

from venues.access import PRODUCTS, Decision, Permission, decide_all
from venues.holders import holder_of, rules_of
from venues.models import OPEN_CASES, CaseState, Credential, Issuer, IssuerKind, KycCase, Venue
from venues.policy_specs import policy_words


@dataclass(frozen=True)
class Step:
    """The next thing to do. ``kind``: share (``credential``), more or wait (``case``), apply (``issuer``, ``level``),
    verify (the e-mail address), or none when nothing one does helps."""

    kind: str
    credential: Credential | None = None
    case: KycCase | None = None
    issuer: Issuer | None = None
    level: int = 0


@dataclass(frozen=True)
class Standing:
    """How somebody stands at a venue with a policy; without a user only ``words`` and ``issuers``."""

    words: list[str]
    issuers: list[Issuer]
    decisions: list[tuple[str, Decision]] = field(default_factory=list)
    permission: Permission = Permission.NONE
    step: Step | None = None

    @property
    def may_trade(self) -> bool:
        """Whether every kind of market here is open to them."""
        return self.permission == Permission.TRADE

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """Every rule that stands against them with its remedy, each once."""
        told = {
            (rule.rule, rule.remedy): None for _, decision in self.decisions for rule in decision.refusals
        }
        return list(told)


def standing_at(
    venue: Venue, user: AbstractBaseUser | AnonymousUser | None, kinds: Iterable[str]
) -> Standing | None:
    """How the user stands at the venue for the kinds of market it has; ``None``, without a query, where it is open."""
    if venue.access_policy_id is None:
        return None
    rules = rules_of(venue)
    wanted = [kind for kind in PRODUCTS if kind in set(kinds)] or list(PRODUCTS)
    issuers = list(Issuer.objects.filter(pk__in=rules.issuers).select_related("venue"))
    words = policy_words(rules, {each.pk: each.name for each in issuers}, wanted)
    if not isinstance(user, AbstractBaseUser):
        return Standing(words, issuers)
    decisions = decide_all(rules, holder_of(user, venue, rules), timezone.now())
    shown = [(PRODUCTS[kind], decisions[kind]) for kind in wanted]
    worst = min(decision.permission for _, decision in shown)
    level = max(rules.level_for(kind) for kind in wanted) or 1
    step = None if worst == Permission.TRADE else next_step(user, venue, issuers, shown, level)
    return Standing(words, issuers, shown, worst, step)


def next_step(
    user: AbstractBaseUser,
    venue: Venue,
    issuers: list[Issuer],
    decisions: list[tuple[str, Decision]],
    level: int,
) -> Step:
    """What the user can do now about the rules that refuse."""
    codes = {rule.code for _, decision in decisions for rule in decision.refusals}
    if codes & {"banned", "screening_hit", "not_a_guest"}:
        return Step("none")
    if "address_unverified" in codes:
        return Step("verify")
    if "consent_missing" in codes:
        now = timezone.now()
        mine = Credential.objects.filter(
            holder_id=user.pk, issuer__in=issuers, revoked=None, expires__gt=now, level__gte=1
        ).select_related("issuer")
        best = max(mine, key=lambda each: (each.level, each.expires), default=None)
        if best is not None:
            return Step("share", credential=best)
    waiting = (
        KycCase.objects.filter(holder_id=user.pk, issuer__in=issuers, state__in=OPEN_CASES)
        .select_related("issuer")
        .last()
    )
    if waiting is not None:
        return Step("more" if waiting.state == CaseState.MORE_WANTED else "wait", case=waiting)
    active = sorted(
        (each for each in issuers if each.active),
        key=lambda each: (each.venue_id != venue.pk, each.kind == IssuerKind.PROVIDER),
    )
    return Step("apply", issuer=active[0], level=level) if active else Step("none")
