"""What external providers report: signed, fresh, and each event once.

The body is JSON: ``{"id": "...", "type": "approved", "reference": "<case>", "level": 2, "country": "DE",
"claims": ["adult"], "expires": "2027-01-31T00:00:00Z", "screening": "clear", "reason": "..."}``. Types: ``review``,
``approved``, ``refused``, ``more``, ``expired``, ``revoked``. ``X-Timestamp`` is in seconds since the epoch,
``X-Signature`` the HMAC-SHA256 of ``<timestamp>.<body>`` with the issuer's secret, in hex.
"""

import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify

from exchange_os.errors import DomainError
from exchange_os.sealing import seal, unseal
from venues.models import (
    CaseState,
    Credential,
    Issuer,
    IssuerKind,
    KycCase,
    ProviderEvent,
    Role,
    Venue,
)
from venues.services.acts import note_act
from venues.services.credentials import revoke
from venues.services.kyc_cases import grant, move_case, turn_down
from venues.services.roles import require_role
from venues.services.screening import Finding, keep_screening

PURPOSE = "kyc provider secrets"
WINDOW_SECONDS = 300
MAX_BODY = 16_384


@dataclass(frozen=True)
class Event:
    """A provider's event whose signature was right."""

    id: str
    type: str
    reference: str
    told: Mapping[str, Any]


def add_provider(user: AbstractBaseUser, venue: Venue, name: str, apply_url: str) -> tuple[Issuer, str]:
    """Take an external provider on; its secret is told this once. The owner's act.

    Raises ``role_missing``, ``name_invalid``, ``url_invalid``, ``name_taken``.
    """
    fresh = require_role(user, venue, Role.OWNER)
    name = " ".join(name.split())
    if not 3 <= len(name) <= 60:
        raise DomainError("name_invalid", "A provider's name has 3 to 60 characters.", field="name")
    if not apply_url.startswith("https://") or len(apply_url) > 300 or "{reference}" not in apply_url:
        raise DomainError(
            "url_invalid",
            "Enter the provider's https address with {reference} where the case goes.",
            field="apply_url",
        )
    secret = secrets.token_urlsafe(32)
    slug = f"{slugify(name)[:24]}-{fresh.pk}"
    try:
        with transaction.atomic():
            made = Issuer.objects.create(
                venue=fresh, kind=IssuerKind.PROVIDER, name=name, slug=slug, apply_url=apply_url,
                secret_sealed=seal(PURPOSE, secret.encode()),
            )  # fmt: skip
            note_act(fresh, user, "took a provider on", name)
    except IntegrityError as taken:
        raise DomainError("name_taken", "There is a provider of that name already.", field="name") from taken
    return made, secret


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of an event, in hex."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def accept_event(slug: str, body: bytes, timestamp: str, signature: str, now: float | None = None) -> str:
    """Take one event of a provider; answers what it was: the state of the case, or ``repeated``.

    Raises ``event_signature`` (also for an issuer there is none of), ``event_time``, ``event_malformed``,
    ``event_type``, ``case_unknown``, and what the act itself refuses; a refused event may be sent again.
    """
    issuer = Issuer.objects.filter(slug=slug, kind=IssuerKind.PROVIDER, active=True).first()
    secret = unseal(PURPOSE, bytes(issuer.secret_sealed)).decode() if issuer else secrets.token_urlsafe(32)
    right = signature_of(secret, timestamp, body[: MAX_BODY + 1])
    if not hmac.compare_digest(right, signature.strip().lower()) or issuer is None:
        raise DomainError("event_signature", "The signature is not that of this issuer's secret.")
    _check_time(timestamp, time.time() if now is None else now)
    event = _parse(body)
    act = _ACTS.get(event.type)
    if act is None:
        raise DomainError("event_type", f"Types of events are {', '.join(_ACTS)}.")
    with transaction.atomic():
        try:
            with transaction.atomic():
                ProviderEvent.objects.create(issuer=issuer, event_id=event.id, kind=event.type)
        except IntegrityError:
            return "repeated"
        return act(issuer, _case(issuer, event.reference), event)


def _check_time(timestamp: str, now: float) -> None:
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now - int(timestamp[:12])) > WINDOW_SECONDS:
        raise DomainError("event_time", f"An event is sent within {WINDOW_SECONDS} seconds of its timestamp.")


def _parse(body: bytes) -> Event:
    try:
        told = orjson.loads(body) if len(body) <= MAX_BODY else None
    except ValueError:
        told = None
    if not isinstance(told, dict) or not all(
        isinstance(told.get(name), str) and 0 < len(told[name]) <= 80 for name in ("id", "type", "reference")
    ):
        raise DomainError(
            "event_malformed", "An event is a JSON object with the texts id, type and reference."
        )
    return Event(told["id"], told["type"], told["reference"], told)


def _case(issuer: Issuer, reference: str) -> KycCase:
    try:
        wanted = uuid.UUID(reference)
    except ValueError:
        wanted = None
    case = (
        KycCase.objects.select_for_update(of=("self",))
        .select_related("issuer")
        .filter(issuer=issuer, reference=wanted)
        .first()
        if wanted
        else None
    )
    if case is None:
        raise DomainError("case_unknown", "There is no such application to this issuer.")
    return case


def _text(event: Event, name: str) -> str:
    value = event.told.get(name, "")
    return value if isinstance(value, str) else ""


def _approve(issuer: Issuer, case: KycCase, event: Event) -> str:
    level, claims = event.told.get("level", case.level), event.told.get("claims", [])
    if (
        type(level) is not int
        or not isinstance(claims, list)
        or not all(isinstance(each, str) for each in claims)
    ):
        raise DomainError("event_malformed", "A level is a number, claims are a list of texts.")
    _screen(issuer, case, event)
    made = grant(
        case, None, level=level, country=_text(event, "country"), claims=claims,
        evidence=f"event {event.id}"[:200],
    )  # fmt: skip
    expires = _expiry(event)
    if expires is not None:
        made.expires = expires
        made.save(update_fields=["expires"])
    return "approved"


def _expiry(event: Event) -> datetime | None:
    text = _text(event, "expires")
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or found.timestamp() <= time.time():
        raise DomainError("expiry_past", "A credential expires at a time to come, with its zone.")
    return found


def _screen(issuer: Issuer, case: KycCase, event: Event) -> None:
    outcome = _text(event, "screening")
    if outcome in ("clear", "hit"):
        keep_screening(case.holder_id, issuer, "provider", Finding(outcome == "hit", _text(event, "matched")))


def _refuse(issuer: Issuer, case: KycCase, event: Event) -> str:
    _screen(issuer, case, event)
    turn_down(case, None, _text(event, "reason") or "The provider refused the application.")
    return "refused"


def _review(issuer: Issuer, case: KycCase, event: Event) -> str:
    move_case(case, CaseState.IN_REVIEW, None)
    return "review"


def _more(issuer: Issuer, case: KycCase, event: Event) -> str:
    case.wanted = (_text(event, "reason") or "The provider wants more; go on at its page.")[:500]
    move_case(case, CaseState.MORE_WANTED, None, case.wanted)
    return "more"


def _end(issuer: Issuer, case: KycCase, event: Event) -> str:
    """The provider no longer vouches: what it issued for the case ends now."""
    _screen(issuer, case, event)
    words = _text(event, "reason") or f"The provider reports: {event.type}."
    for row in Credential.objects.select_for_update().filter(case=case, revoked=None):
        revoke(row, words)
    return event.type


_ACTS: dict[str, Callable[[Issuer, KycCase, Event], str]] = {
    "review": _review,
    "approved": _approve,
    "refused": _refuse,
    "more": _more,
    "expired": _end,
    "revoked": _end,
}
