"""Publishing policies: each change is a new version, and every account is decided anew."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max

from exchange_os.errors import DomainError
from venues.access import Rules
from venues.models import AccessPolicy, Issuer, IssuerKind, PendingAct, Role, Venue
from venues.services.acts import note_act
from venues.services.permissions import mark_due
from venues.services.roles import require_role
from venues.services.two_people import dangerous, request_act


def publish_policy(user: AbstractBaseUser, venue: Venue, rules: Rules, note: str = "") -> AccessPolicy:
    """Put a new version of the venue's rules into force; open rules make the venue open. The owner's act.

    Accounts that may do less than before can still close, cancel and take their money home.
    Raises ``venue_unknown``, ``role_missing``, ``policy_unchanged``, ``issuer_needed``, ``issuer_unknown``.
    """
    require_role(user, venue, Role.OWNER)
    _check(rules)
    with transaction.atomic():
        locked = (
            Venue.objects.select_for_update(of=("self",)).select_related("access_policy").get(pk=venue.pk)
        )
        before = Rules.from_json(locked.access_policy.rules) if locked.access_policy else Rules()
        if before == rules:
            raise DomainError("policy_unchanged", "These are the rules in force; change something first.")
        last = AccessPolicy.objects.filter(venue=locked).aggregate(last=Max("version"))["last"] or 0
        made = AccessPolicy.objects.create(
            venue=locked, version=last + 1, rules=rules.to_json(), note=note[:200], by_id=user.pk
        )
        Venue.objects.filter(pk=venue.pk).update(access_policy=None if rules.is_open else made)
        mark_due(venue=locked)
        note_act(
            locked, user, "changed the access policy", f"version {made.version}", words=note,
            before=before.to_json(), after=made.rules,
        )  # fmt: skip
    return made


def propose_policy(
    user: AbstractBaseUser, venue: Venue, rules: Rules, note: str = ""
) -> AccessPolicy | PendingAct:
    """Publish new rules; to take every rule of a venue away needs a second person, who is asked for.

    Raises as ``publish_policy`` and ``request_act``.
    """
    venue = require_role(user, venue, Role.OWNER)
    if not rules.is_open or venue.access_policy_id is None:
        return publish_policy(user, venue, rules, note)
    words = f"Opens the venue to everybody. {note}".strip()[:300]
    return request_act(
        user, venue, "open_access", {"policy": venue.access_policy_id, "note": note[:200]}, words
    )


@dangerous("open_access", "opening the venue to everybody", Role.OWNER)
def _open_access(user: AbstractBaseUser, venue: Venue, parameters: dict[str, Any]) -> None:
    """Agreed: the policy that was read is taken away; one that came after it is not."""
    current = Venue.objects.get(pk=venue.pk).access_policy_id
    if current is None:
        return
    if current != parameters["policy"]:
        raise DomainError("policy_moved", "The policy has changed since this was asked for; ask anew.")
    publish_policy(user, venue, Rules(), parameters["note"])


def _check(rules: Rules) -> None:
    """Refuse rules that nobody could ever meet, or that trust issuers there are none of."""
    asks = (
        rules.screening
        or bool(rules.blocked)
        or any(rules.needs_credential(kind) for kind in ("spot", "swap", "outcome"))
    )
    if asks and not rules.issuers:
        raise DomainError(
            "issuer_needed",
            "Choose whose credentials count: your own desk, or another issuer.",
            field="issuers",
        )
    if Issuer.objects.filter(pk__in=rules.issuers).count() != len(rules.issuers):
        raise DomainError("issuer_unknown", "One of the issuers does not exist any more.", field="issuers")


def ensure_desk(user: AbstractBaseUser, venue: Venue) -> Issuer:
    """The venue's own desk, which reviews applications by hand; made now if there is none. The owner's act.

    Raises ``venue_unknown``, ``role_missing``.
    """
    fresh = require_role(user, venue, Role.OWNER)
    desk, made = Issuer.objects.get_or_create(
        venue=fresh,
        kind=IssuerKind.DESK,
        defaults={"name": f"{fresh.name} desk", "slug": f"{fresh.slug[:28]}-{fresh.pk}"},
    )
    if made:
        note_act(fresh, user, "opened a desk", desk.name)
    return desk


def ask_for_credentials(
    user: AbstractBaseUser,
    venue: Venue,
    *,
    level: int = 2,
    blocked: Iterable[str] = (),
    screening: bool = True,
) -> AccessPolicy:
    """The usual policy of a regulated venue in one call: its own desk, one level for everything, blocked countries.

    Raises what ``ensure_desk`` and ``publish_policy`` raise.
    """
    desk = ensure_desk(user, venue)
    rules = Rules(level=level, blocked=frozenset(blocked), issuers=frozenset({desk.pk}), screening=screening)
    return publish_policy(user, venue, rules, "Credentials from our own desk.")
