"""How a venue looks, and which sites may frame its widgets."""

from urllib.parse import urlsplit

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.errors import DomainError
from venues.models import Role, Venue
from venues.services.acts import note_act
from venues.services.roles import require_role
from venues.theme import check_accent

MAX_ORIGINS = 20
MAX_DESCRIPTION = 280
LOCAL = ("localhost", "127.0.0.1", "[::1]")


def set_looks(user: AbstractBaseUser, venue: Venue, *, accent: str, theme: str, description: str) -> Venue:
    """New accent, theme and description. Raises ``role_missing``, ``accent_invalid``, ``accent_faint``,
    ``theme_unknown``, ``description_invalid``."""
    venue = require_role(user, venue, Role.OWNER)
    words = " ".join(description.split())
    if len(words) > MAX_DESCRIPTION or not words.isprintable():
        raise DomainError(
            "description_invalid",
            f"Describe it in at most {MAX_DESCRIPTION} characters.",
            field="description",
        )
    if theme not in ("", "dark", "light"):
        raise DomainError("theme_unknown", "Choose a theme.", field="theme")
    return _set(user, venue, {"accent": check_accent(accent), "theme": theme, "description": words})


def set_embed_origins(user: AbstractBaseUser, venue: Venue, text: str) -> Venue:
    """The sites that may frame the venue's widgets, as typed: one a line or after spaces. Raises ``role_missing``,
    ``origin_invalid``, ``too_many_origins``."""
    venue = require_role(user, venue, Role.OWNER)
    origins = list(dict.fromkeys(_origin(word) for word in text.split()))
    if len(origins) > MAX_ORIGINS:
        raise DomainError("too_many_origins", f"At most {MAX_ORIGINS} sites.", field="origins")
    return _set(user, venue, {"embed_origins": origins})


def _origin(word: str) -> str:
    """``https://host[:port]`` and nothing else: it goes into a header."""
    wrong = DomainError(
        "origin_invalid", f"{word[:60]} is no site; write it as https://www.example.com.", field="origins"
    )
    try:
        parts = urlsplit(word.lower().rstrip("/"))
        port = parts.port
    except ValueError as bad:
        raise wrong from bad
    host = parts.hostname or ""
    plain = host.replace(".", "").replace("-", "").isalnum() and host.isascii()
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL)
    if not plain or not secure or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise wrong
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _set(user: AbstractBaseUser, venue: Venue, values: dict[str, object]) -> Venue:
    before = {name: getattr(venue, name) for name, value in values.items() if getattr(venue, name) != value}
    if before:
        with transaction.atomic():
            Venue.objects.filter(pk=venue.pk).update(**values)
            note_act(
                venue, user, "changed the look of", venue.name, before=before,
                after={name: values[name] for name in before},
            )  # fmt: skip
        venue.refresh_from_db()
    return venue
