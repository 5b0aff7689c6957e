"""Tokens with which programs act for a member of a venue: made, used, revoked."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from venues.models import DeployerToken, Role, Venue
from venues.services.acts import note_act
from venues.services.roles import require_role, roles_of

PREFIX = "xd_"
MAX_TOKENS = 20
REQUESTS_A_MINUTE = 120
USED_SECONDS = 60


def create_token(user: AbstractBaseUser, venue: Venue, name: str, role: str) -> tuple[DeployerToken, str]:
    """A token with one of the user's roles; answers it and its text, which is shown once.

    Raises ``role_unknown``, ``role_missing``, ``name_invalid``, ``too_many_tokens``.
    """
    if role not in Role.values:
        raise DomainError("role_unknown", "Choose a role.", field="role")
    venue = require_role(user, venue, Role(role))
    words = " ".join(name.split())
    if not 1 <= len(words) <= 40 or not words.isprintable():
        raise DomainError("name_invalid", "Give it a name of 1 to 40 characters.", field="name")
    if DeployerToken.objects.filter(venue=venue, revoked=None).count() >= MAX_TOKENS:
        raise DomainError(
            "too_many_tokens", f"At most {MAX_TOKENS} tokens can live; revoke one.", field="name"
        )
    text = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = DeployerToken.objects.create(
            venue=venue, user_id=user.pk, role=role, name=words, prefix=text[:8], token_hash=_hash(text)
        )
        note_act(venue, user, "made the token", words, after={"role": role})
    return token, text


def revoke_token(user: AbstractBaseUser, venue: Venue, token_id: int) -> None:
    """End a token for good: one's own, or any as an owner. Raises as ``require_role``; a dead one stays dead."""
    token = DeployerToken.objects.filter(venue=venue, pk=token_id, revoked=None).first()
    if token is None or token.user_id != user.pk:
        require_role(user, venue, Role.OWNER)
    if token is not None:
        with transaction.atomic():
            DeployerToken.objects.filter(pk=token.pk).update(revoked=timezone.now())
            note_act(venue, user, "revoked the token", token.name)


def end_tokens_of(user: AbstractBaseUser) -> list[str]:
    """End every token that acts for the user, at all venues; what they were, in words."""
    living = DeployerToken.objects.filter(user_id=user.pk, revoked=None).select_related("venue")
    ended = []
    for token in living.order_by("pk"):
        with transaction.atomic():
            DeployerToken.objects.filter(pk=token.pk).update(revoked=timezone.now())
            note_act(token.venue, None, "revoked the token", token.name, words="Its account changed hands.")
        ended.append(f"the token “{token.name}” at {token.venue.name}")
    return ended


def token_of(text: str) -> DeployerToken | None:
    """The living token with this text, whose user still has its role; raises ``too_many_requests`` for one that asks
    more than ``REQUESTS_A_MINUTE``."""
    token = (
        DeployerToken.objects.filter(token_hash=_hash(text), revoked=None, user__is_active=True)
        .select_related("venue", "venue__deployer", "user")
        .first()
    )
    if token is None or Role(token.role) not in roles_of(token.user, token.venue):
        return None
    now = timezone.now()
    key = f"deployer-token:{token.pk}:{now:%H%M}"
    cache.add(key, 0, 120)
    if cache.incr(key) > REQUESTS_A_MINUTE:
        raise DomainError(
            "too_many_requests", f"At most {REQUESTS_A_MINUTE} requests a minute; wait a little."
        )
    if token.used is None or now - token.used > timedelta(seconds=USED_SECONDS):
        DeployerToken.objects.filter(pk=token.pk).update(used=now)
    return token


def require_token_role(token: DeployerToken, role: Role) -> None:
    """Refuse with ``role_missing`` what the token's own role does not cover, whatever its user may do."""
    if token.role not in (role, Role.OWNER):
        raise DomainError(
            "role_missing", f"This token is for “{token.get_role_display()}”; it needs “{role.label}”."
        )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
